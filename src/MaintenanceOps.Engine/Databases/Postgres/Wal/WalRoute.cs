namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>Segments in a row that are not in the archive.</summary>
/// <param name="First">The first one.</param>
/// <param name="Last">The last one; the same where it is one.</param>
/// <param name="Count">How many they are.</param>
internal readonly record struct MissingLog(WalFile First, WalFile Last, ulong Count)
{
    public override string ToString() => Count == 1 ? $"{First} is missing" : $"{First} to {Last} are missing ({Count} segments)";
}

/// <summary>
/// The segments that a recovery reads, from a place on along a timeline and its ancestors. A segment number exists on
/// several timelines; the one that counts is that of the youngest timeline which had begun by then, as PostgreSQL
/// chooses it.
/// </summary>
internal sealed class WalRoute
{
    private readonly List<(uint Timeline, ulong First)> stretches = [];
    private readonly WalTimelines log;
    private readonly ulong first;

    /// <param name="log">What is archived.</param>
    /// <param name="history">The timeline and its ancestors.</param>
    /// <param name="from">The place in the log from which on it is needed.</param>
    public WalRoute(WalTimelines log, TimelineHistory history, ulong from)
    {
        this.log = log;
        Timeline = history.Timeline;
        first = from / log.Size;
        foreach (var timeline in history.Ancestors.Select(a => a.Timeline).Append(history.Timeline))
        {
            stretches.Add((timeline, stretches.Count == 0 ? 0 : history.Ancestors[stretches.Count - 1].End / log.Size));
        }

        Find(history);
    }

    /// <summary>The timeline that it ends on.</summary>
    public uint Timeline { get; private set; }

    /// <summary>The newest segment on it; null where nothing is archived from the first needed one on.</summary>
    public WalFile? Last { get; private set; }

    /// <summary>
    /// Where a recovery has to stop though the log goes on: the timeline that was wanted branched off there, nothing of it
    /// is archived, and what follows on its parent was given up. Null where the recovery goes to the end.
    /// </summary>
    public ulong? StopBefore { get; private set; }

    /// <summary>What is missing on it up to the newest segment, in order.</summary>
    public IReadOnlyList<MissingLog> Missing { get; private set; } = [];

    /// <summary>The segment with this number on the route.</summary>
    public WalFile Segment(ulong number) => WalFile.Segment(stretches.Last(s => s.First <= number).Timeline, number, (long)log.Size);

    /// <summary>Its segments that are archived, from one number down to the first needed one.</summary>
    public IEnumerable<WalFile> Backwards(ulong from)
    {
        for (var number = from + 1; number-- > first;)
        {
            if (Segment(number) is var segment && log.Has(segment.Timeline, number))
            {
                yield return segment;
            }
        }
    }

    /// <summary>Its segments that are archived, from one number up to the newest.</summary>
    public IEnumerable<WalFile> Forwards(ulong from)
    {
        for (var number = from; Last is { } last && number <= last.Number((long)log.Size); number++)
        {
            if (Segment(number) is var segment && log.Has(segment.Timeline, number))
            {
                yield return segment;
            }
        }
    }

    private void Find(TimelineHistory history)
    {
        var end = ulong.MaxValue;
        ulong? branched = null;
        while (stretches.Count > 1 && log.Newest(stretches[^1].Timeline, stretches[^1].First, end) is null)
        {
            // Nothing of this timeline is archived yet: the way ends where it left its parent. The segment in which that
            // happened may never have become full on the parent.
            stretches.RemoveAt(stretches.Count - 1);
            branched = history.Ancestors[stretches.Count - 1].End;
            end = branched.Value / log.Size;
        }

        Timeline = stretches[^1].Timeline;
        var newest = log.Newest(stretches[^1].Timeline, Math.Max(first, stretches[^1].First), end);
        if (branched is { } place)
        {
            StopBefore = newest == end ? place : null;
            newest = Math.Max(newest ?? 0, end == 0 ? 0 : end - 1);
        }

        Last = newest is { } number && number >= first ? Segment(number) : null;
        Missing = Last is null ? [new MissingLog(Segment(first), Segment(first), 1)] : [.. Gaps(newest!.Value)];
    }

    private IEnumerable<MissingLog> Gaps(ulong last)
    {
        for (var i = 0; i < stretches.Count; i++)
        {
            var (timeline, begin) = stretches[i];
            var from = Math.Max(begin, first);
            var to = i + 1 < stretches.Count ? Math.Min(stretches[i + 1].First, last + 1) : last + 1;
            var next = from;
            foreach (var number in log.Between(timeline, from, to).Append(to))
            {
                if (number > next)
                {
                    yield return new MissingLog(Segment(next), Segment(number - 1), number - next);
                }

                next = number + 1;
            }
        }
    }
}
