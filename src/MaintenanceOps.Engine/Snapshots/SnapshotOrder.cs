namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// Puts the snapshots of one source in the order in which they were taken. The order rests on the number that each backup
/// counts up, so a clock that jumped does not change it. Snapshots without a number come from versions that did not
/// count; they are older than all others and are ordered by their time.
/// </summary>
internal static class SnapshotOrder
{
    /// <summary>A snapshot this far ahead of the present, or out of order, shows that a clock was wrong.</summary>
    public static readonly TimeSpan ClockTolerance = TimeSpan.FromHours(1);

    /// <summary>The snapshots of one source, oldest first, each with what its clock is worth.</summary>
    public static List<Snapshot> Of(IEnumerable<Snapshot> source, DateTimeOffset now)
    {
        var ordered = source.OrderBy(s => s.Number).ThenBy(s => s.Created).ThenBy(s => s.Id, StringComparer.Ordinal).ToList();
        var trusted = Trusted(ordered, now);
        for (var i = 0; i < ordered.Count; i++)
        {
            if (!trusted[i])
            {
                // Backups that ran side by side end in another order than they began in, and clocks are corrected by a little.
                var moment = MomentOf(ordered, trusted, i, now);
                var isWrong = ordered[i].Created > now + ClockTolerance || (ordered[i].Created - moment).Duration() > ClockTolerance;
                ordered[i] = ordered[i] with { ClockDoubtful = isWrong, Moment = moment };
            }
        }

        return ordered;
    }

    /// <summary>
    /// Which times fit the order: the largest set of them that rises. What lies in the future is wrong by itself. Of two
    /// sets of one size the one with the later snapshots counts, since a wrong clock has mostly been set right since.
    /// </summary>
    private static bool[] Trusted(List<Snapshot> ordered, DateTimeOffset now)
    {
        // tails[n] is the snapshot with the latest time at which a rising set of n + 1 members can begin, walking backwards.
        var tails = new List<int>();
        var next = new int[ordered.Count];
        var first = -1;
        for (var i = ordered.Count - 1; i >= 0; i--)
        {
            next[i] = -1;
            if (ordered[i].Created > now + ClockTolerance)
            {
                continue;
            }

            var length = LengthAfter(tails, ordered, ordered[i].Created);
            next[i] = length > 0 ? tails[length - 1] : -1;
            if (length == tails.Count)
            {
                tails.Add(i);
                first = i;
            }
            else if (ordered[i].Created > ordered[tails[length]].Created)
            {
                tails[length] = i;
            }
        }

        var trusted = new bool[ordered.Count];
        for (var i = first; i >= 0; i = next[i])
        {
            trusted[i] = true;
        }

        return trusted;
    }

    /// <summary>How many members the longest rising set has that may follow a snapshot of this time.</summary>
    private static int LengthAfter(List<int> tails, List<Snapshot> ordered, DateTimeOffset created)
    {
        int low = 0, high = tails.Count;
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (ordered[tails[middle]].Created >= created)
            {
                low = middle + 1;
            }
            else
            {
                high = middle;
            }
        }

        return low;
    }

    /// <summary>A time for a snapshot whose own is wrong: that of the one before, else of the one after, else the present.</summary>
    private static DateTimeOffset MomentOf(List<Snapshot> ordered, bool[] trusted, int index, DateTimeOffset now)
    {
        var before = Array.FindLastIndex(trusted, index, t => t);
        var neighbour = before >= 0 ? before : Array.FindIndex(trusted, index, t => t);
        return neighbour >= 0 ? ordered[neighbour].Created : now;
    }
}
