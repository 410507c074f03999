using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>What a prune is going to do.</summary>
internal sealed record PrunePlan
{
    /// <summary>A pack is rewritten when more than this share of it is free.</summary>
    private const double RewriteAbove = 0.3;

    /// <summary>Objects to doom: packs that nothing needs, packs whose blocks move, maps that nothing needs.</summary>
    public List<string> ToDoom { get; } = [];

    /// <summary>Objects on which nobody builds: they go without having been doomed.</summary>
    public List<string> ToDelete { get; } = [];

    /// <summary>Packs whose remaining blocks are written anew.</summary>
    public HashSet<string> Rewritten { get; } = [];

    /// <summary>The ordinals of these blocks, sorted.</summary>
    public List<int> Moves { get; } = [];

    /// <summary>About how many bytes that will be.</summary>
    public long SizeOfMoves { get; private set; }

    /// <summary>The size of each object there is.</summary>
    public required IReadOnlyDictionary<string, long> Sizes { get; init; }

    /// <summary>Looks at every object.</summary>
    public static PrunePlan Make(Repository repository, PruneNeeds needs, SnapshotRoll roll, IReadOnlyList<DamagedPack> unreadable, IReadOnlySet<string> doomed, TimeSpan? recoveryWindow)
    {
        var plan = new PrunePlan { Sizes = repository.Store.List("").ToDictionary(o => o.Name, o => o.Size) };
        for (var p = 0; p < repository.Index.Packs.Count; p++)
        {
            plan.Weigh(repository.Index, p, needs, doomed);
        }

        plan.Moves.Sort();

        // Where all that any snapshot needs was found in other packs, what cannot even be listed is of no use to anybody.
        var useless = needs.SomethingIsMissing ? [] : unreadable.Select(d => d.ObjectName);
        var maps = plan.Sizes.Keys.Where(n => n.StartsWith("maps/", StringComparison.Ordinal) && !needs.Maps.Contains(n["maps/".Length..]));
        plan.ToDoom.AddRange(useless.Concat(maps).Where(n => !doomed.Contains(n)));
        plan.ToDelete.AddRange(plan.Sizes.Keys.Where(n => IsOrphan(n, plan.Sizes, roll)).Concat(WalRetention.Obsolete(repository, recoveryWindow)));
        return plan;
    }

    private void Weigh(BlockIndex index, int p, PruneNeeds needs, IReadOnlySet<string> doomed)
    {
        var pack = index.Packs[p];
        var name = Pack.ObjectName(pack.PackId);
        var live = needs.LiveIn(p);
        long liveBytes = live.Sum(o => (long)index.LengthOf(o));
        long allBytes = pack.Lengths.Sum(l => (long)l);
        if (live.Count == 0)
        {
            ToDoom.AddRange(doomed.Contains(name) ? [] : [name]);
        }
        else if (index.IsSound(p) && (doomed.Contains(name) || liveBytes < allBytes * (1 - RewriteAbove)))
        {
            // What only a doomed pack has must move too: no backup builds on it there.
            ToDoom.AddRange(doomed.Contains(name) ? [] : [name]);
            Rewritten.Add(name);
            Moves.AddRange(live);
            SizeOfMoves += (long)(Sizes.GetValueOrDefault(name) * (double)liveBytes / allBytes);
        }
    }

    private static bool IsOrphan(string name, IReadOnlyDictionary<string, long> all, SnapshotRoll roll) => name.Split('/') switch
    {
        ["damaged", var pack] => !all.ContainsKey(Pack.ObjectName(pack)),
        ["tests", var snapshot, _] => roll.Removed.Contains(snapshot) && !roll.Ids.Contains(snapshot),
        _ => false,
    };
}
