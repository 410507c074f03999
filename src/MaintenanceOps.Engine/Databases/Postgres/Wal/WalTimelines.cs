using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>What an archive holds of a cluster's log, by timeline: the segments' numbers, and where each timeline branched off.</summary>
internal sealed class WalTimelines
{
    private readonly SortedDictionary<uint, SortedSet<ulong>> segments = [];
    private readonly SortedDictionary<uint, TimelineHistory> histories = [];

    /// <param name="files">The archived files.</param>
    /// <param name="segmentSize">The size of a segment in bytes.</param>
    /// <param name="read">Gives the content of a history; null where it cannot be read.</param>
    public WalTimelines(IEnumerable<(WalFile File, StoredObject Stored)> files, long segmentSize, Func<WalFile, byte[]?> read)
    {
        Size = (ulong)segmentSize;
        foreach (var (file, _) in files)
        {
            if (file.IsSegment)
            {
                segments.TryAdd(file.Timeline, []);
                segments[file.Timeline].Add(file.Number(segmentSize));
            }
            else if (file.IsHistory && read(file) is { } content && TimelineHistory.Parse(file.Timeline, content) is { } history)
            {
                histories[file.Timeline] = history;
            }
        }
    }

    /// <summary>The size of a segment in bytes.</summary>
    public ulong Size { get; }

    /// <summary>The newest timeline of which there is anything; null where there is nothing.</summary>
    public uint? NewestTimeline => segments.Keys.Concat(histories.Keys) is var all && all.Any() ? all.Max() : null;

    /// <summary>The smallest segment's number on any timeline; null where there is no segment.</summary>
    public ulong? Oldest => segments.Count > 0 ? segments.Values.Min(s => s.Min) : null;

    /// <summary>The histories, by timeline.</summary>
    public IEnumerable<TimelineHistory> Histories => histories.Values;

    /// <summary>
    /// Timelines with segments whose history is missing though older ones are archived: nothing tells where they branched
    /// off, so a recovery from before never finds them.
    /// </summary>
    public IEnumerable<uint> WithoutHistory(IEnumerable<uint> begun)
    {
        var oldest = segments.Keys.Concat(begun).DefaultIfEmpty(uint.MaxValue).Min();
        return segments.Keys.Where(t => t > oldest && !histories.ContainsKey(t));
    }

    /// <summary>A timeline with its ancestors, as far as a history tells them.</summary>
    public TimelineHistory LineOf(uint timeline) => histories.GetValueOrDefault(timeline) ?? TimelineHistory.Root(timeline);

    /// <summary>The timelines that a place belongs to the past of, the newest first; it is one of them itself.</summary>
    public IEnumerable<TimelineHistory> LinesThrough(uint timeline, ulong lsn) => segments.Keys.Concat(histories.Keys).Append(timeline)
        .Distinct().OrderDescending().Select(LineOf).Where(line => line.Passes(timeline, lsn));

    public bool Has(uint timeline, ulong number) => segments.TryGetValue(timeline, out var numbers) && numbers.Contains(number);

    /// <summary>The newest segment's number of a timeline between two numbers, both included; null where there is none.</summary>
    public ulong? Newest(uint timeline, ulong from, ulong to) =>
        from <= to && segments.TryGetValue(timeline, out var numbers) && numbers.GetViewBetween(from, to) is { Count: > 0 } found ? found.Max : null;

    /// <summary>The segments' numbers of a timeline from one number up to before another.</summary>
    public IEnumerable<ulong> Between(uint timeline, ulong from, ulong before) =>
        from < before && segments.TryGetValue(timeline, out var numbers) ? numbers.GetViewBetween(from, before - 1) : [];

    /// <summary>The stretches that are missing on one timeline between its oldest and its newest segment.</summary>
    public IEnumerable<MissingLog> Gaps(uint timeline)
    {
        ulong? before = null;
        foreach (var number in segments.GetValueOrDefault(timeline) ?? [])
        {
            if (before is { } previous && number > previous + 1)
            {
                yield return new MissingLog(WalFile.Segment(timeline, previous + 1, (long)Size), WalFile.Segment(timeline, number - 1, (long)Size), number - previous - 1);
            }

            before = number;
        }
    }

    /// <summary>The timelines with segments.</summary>
    public IEnumerable<uint> Timelines => segments.Keys;
}
