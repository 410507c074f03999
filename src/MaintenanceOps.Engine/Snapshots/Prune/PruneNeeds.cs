using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>
/// All that any snapshot needs, of those that exist and of those that are about to. A snapshot that has lost something keeps
/// what is left of it and stands in nobody's way; one whose needs cannot be told stops the prune.
/// </summary>
internal sealed class PruneNeeds(Repository repository, IOperationSink sink)
{
    private readonly HashSet<string> seen = [];
    private readonly HashSet<string> markedMaps = [];
    private BlockIndex index = repository.Index;
    private bool[] needed = new bool[repository.Index.Count];

    /// <summary>The ids of maps, and of the maps that those are differences to.</summary>
    public HashSet<string> Maps { get; } = [];

    /// <summary>Whether some snapshot needs a block that is nowhere: what cannot be read may be what is left of it.</summary>
    public bool SomethingIsMissing { get; private set; }

    /// <summary>Whether the list of a snapshot's files is lost, so that nobody can tell what else it needs.</summary>
    public bool SomethingIsUntold { get; private set; }

    /// <summary>Marks what a snapshot needs; one that was marked before is passed over.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>: it cannot be told what it needs.</exception>
    public void Mark(string id, Manifest manifest, CancellationToken cancellation)
    {
        if (!seen.Add(id) || !markedMaps.Add(manifest.Map))
        {
            return;
        }

        Maps.Add(manifest.Map);
        if (!manifest.Kind.HasListing() && repository.ReadMapBase(manifest.Map) is { } wholeMap)
        {
            Maps.Add(wholeMap);
        }

        var missing = manifest.Kind.HasListing() ? MarkTree(id, manifest, cancellation) : MarkBlocks(SnapshotBlocks.Of(repository, id, manifest, cancellation));
        if (missing > 0)
        {
            SomethingIsMissing = true;
            sink.Warn($"Snapshot {id[..8]} of '{manifest.Source}' has lost {missing:N0} blocks; what is left of it is kept. Remove-Snapshot takes it away.");
        }
    }

    /// <summary>
    /// A tree whose list of files is lost cannot be restored by itself, and nobody can tell its files' blocks from those that nothing needs. They
    /// are doomed with the others, but never removed at once: who finds the lost pack again has the grace to put it back.
    /// </summary>
    private int MarkTree(string id, Manifest manifest, CancellationToken cancellation)
    {
        var missing = MarkBlocks(repository.ReadListingMap(manifest.Map).ConvertAll(b => b.Id));
        try
        {
            return MarkBlocks(SnapshotBlocks.Of(repository, id, manifest, cancellation));
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            SomethingIsUntold = true;
            sink.Warn($"Snapshot {id[..8]} of '{manifest.Source}' has lost its list of files: {e.Message} What nothing else needs is doomed and not removed at once.");
            return Math.Max(1, missing);
        }
    }

    private int MarkBlocks(IReadOnlyList<BlockId> blocks)
    {
        var missing = 0;
        foreach (var block in blocks)
        {
            var ordinal = index.Find(block);
            missing += ordinal < 0 ? 1 : 0;
            if (ordinal >= 0)
            {
                needed[ordinal] = true;
            }
        }

        return missing;
    }

    /// <summary>Whether the snapshot was marked.</summary>
    public bool Knows(string id) => seen.Contains(id);

    /// <summary>Goes over to a newer index of the same repository.</summary>
    public void MoveTo(BlockIndex newer)
    {
        var (older, olderNeeds) = (index, needed);
        index = newer;
        needed = new bool[newer.Count];
        for (var o = 0; o < olderNeeds.Length; o++)
        {
            if (olderNeeds[o] && newer.Find(older.IdOf(o)) is >= 0 and var place)
            {
                needed[place] = true;
            }
        }
    }

    /// <summary>The blocks of a pack that are needed and for which it is the first choice.</summary>
    public List<int> LiveIn(int pack)
    {
        var first = index.FirstOrdinalOf(pack);
        return [.. Enumerable.Range(first, index.Packs[pack].Ids.Length).Where(o => needed[o])];
    }

    /// <summary>
    /// Whether a doomed pack can go: of every block in it that is needed, there is another copy in a pack that nobody has
    /// doomed. Of the copies of a block, the one that was doomed last is never removed by this rule.
    /// </summary>
    public bool CanSpare(int pack) => Array.TrueForAll(index.Packs[pack].Ids, id => index.Find(id) is var place && (!needed[place] || index.IsLasting(place)));
}
