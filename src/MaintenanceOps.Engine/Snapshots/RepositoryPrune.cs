using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Leases;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// Frees what no snapshot needs. It marks from the manifests, refuses when anything that is referenced is missing, writes
/// anew before it deletes, and holds the exclusive lease throughout; killed at any moment it leaves a whole repository.
/// </summary>
public sealed class RepositoryPrune(Repository repository, IOperationSink sink)
{
    /// <summary>A pack is rewritten when more than this share of it is free.</summary>
    private const double RewriteAbove = 0.3;

    /// <summary>Temporary files this old belong to nobody who still works.</summary>
    private static readonly TimeSpan LeftoverAge = TimeSpan.FromHours(24);

    /// <summary>Prunes, or tells what pruning would do.</summary>
    /// <param name="dryRun">Changes nothing; the result is the same as that of the real run.</param>
    /// <param name="force">Removes everything where no snapshot is left.</param>
    /// <param name="recoveryWindow">
    /// How far back a PostgreSQL cluster must be recoverable to any moment; base backups that are older keep only their own
    /// moment. Null keeps the log of all of them.
    /// </param>
    /// <param name="cancellation">Ends the prune between two objects.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.RepositoryLocked"/>, <see cref="ErrorCode.LeaseLost"/>,
    /// <see cref="ErrorCode.RetentionSuspicious"/>: there is content and no snapshot, or
    /// <see cref="ErrorCode.SnapshotDamaged"/>: a snapshot needs something that is missing, and nothing was removed.
    /// </exception>
    public PruneResult Run(bool dryRun, bool force = false, TimeSpan? recoveryWindow = null, CancellationToken cancellation = default)
    {
        var watch = Stopwatch.StartNew();
        using var lease = dryRun ? null : Lease.Exclude(repository.Store, "prune", cancellation);
        repository.ReadIndexAfresh(out var unreadable);
        if (!force && repository.Index.Count > 0 && !repository.ManifestIds().Any())
        {
            // Somebody removed the last snapshot, or the folder 'snapshots' is missing from a copy or a mount.
            throw new MaintenanceException(
                ErrorCode.RetentionSuspicious,
                $"{repository.Location} holds content and no snapshot at all: a prune would remove everything. If that is meant, use -Force; if not, look for its folder 'snapshots'.",
                repository.Location);
        }

        var plan = Plan(unreadable, recoveryWindow, cancellation);
        var rewritten = dryRun ? plan.SizeOfRewrites : Carry(plan, lease!, cancellation);
        var result = new PruneResult
        {
            Repository = repository.Location,
            DryRun = dryRun,
            PacksRemoved = plan.Dead.Count,
            PacksRewritten = plan.Rewrites.Count,
            ObjectsRemoved = plan.Objects.Count + repository.Store.CleanLeftovers(LeftoverAge, dryRun),
            SizeBefore = plan.SizeBefore,
            SizeAfter = plan.SizeBefore - plan.SizeOfRemoved + rewritten,
            Elapsed = watch.Elapsed,
        };
        repository.ForgetIndex();
        return result;
    }

    private sealed record PrunePlan(
        IReadOnlyList<string> Dead,
        IReadOnlyList<PackFooter> Rewrites,
        IReadOnlyList<int> Moves,
        IReadOnlyList<string> Objects,
        long SizeBefore,
        long SizeOfRemoved,
        long SizeOfRewrites);

    private PrunePlan Plan(IReadOnlyList<DamagedPack> unreadable, TimeSpan? recoveryWindow, CancellationToken cancellation)
    {
        var (needed, maps) = Mark(cancellation);
        var index = repository.Index;
        var sizes = repository.Store.List("").ToDictionary(o => o.Name, o => o.Size);

        // All that any snapshot needs was found in other packs: what cannot even be listed is of no use to anybody.
        var dead = unreadable.Select(p => p.ObjectName).ToList();
        var rewrites = new List<PackFooter>();
        var moves = new List<int>();
        long rewrittenSize = 0;
        for (var p = 0; p < index.Packs.Count; p++)
        {
            var pack = index.Packs[p];
            var live = LiveBlocks(index, p, needed);
            long liveBytes = live.Sum(o => (long)index.LengthOf(o));
            long allBytes = pack.Lengths.Sum(l => (long)l);
            if (live.Count == 0)
            {
                dead.Add(Pack.ObjectName(pack.PackId));
            }
            else if (index.IsSound(p) && liveBytes < allBytes * (1 - RewriteAbove))
            {
                rewrites.Add(pack);
                moves.AddRange(live);
                rewrittenSize += (long)(sizes[Pack.ObjectName(pack.PackId)] * (double)liveBytes / allBytes);
            }
        }

        var objects = sizes.Keys.Where(name => IsOrphan(name, maps, sizes)).Concat(WalRetention.Obsolete(repository, recoveryWindow)).ToList();
        var removed = dead.Concat(rewrites.Select(r => Pack.ObjectName(r.PackId))).Concat(objects).Sum(n => sizes[n]);
        return new PrunePlan(dead, rewrites, moves, objects, sizes.Values.Sum(), removed, rewrittenSize);
    }

    /// <summary>All blocks and maps that a manifest leads to. Anything unreadable on the way refuses the whole prune.</summary>
    private (bool[] Needed, HashSet<string> Maps) Mark(CancellationToken cancellation)
    {
        var needed = new bool[repository.Index.Count];
        var maps = new HashSet<string>();
        var marked = new HashSet<string>();
        foreach (var id in repository.ManifestIds().ToList())
        {
            cancellation.ThrowIfCancellationRequested();
            var manifest = repository.ReadManifest(id);
            if (!marked.Add(manifest.Map))
            {
                continue;
            }

            maps.Add(manifest.Map);
            if (!manifest.Kind.HasListing() && repository.ReadMapBase(manifest.Map) is { } wholeMap)
            {
                maps.Add(wholeMap);
            }

            foreach (var block in SnapshotBlocks.Of(repository, id, manifest, cancellation))
            {
                var ordinal = repository.Index.Find(block);
                if (ordinal < 0)
                {
                    throw new MaintenanceException(
                        ErrorCode.SnapshotDamaged,
                        $"Snapshot {id[..8]} of '{manifest.Source}' needs a block that is missing, so nothing is pruned: what looks unused may be what is left of it. Run Test-SnapshotRepository; Remove-Snapshot takes the damaged snapshot out of the way.",
                        id);
                }

                needed[ordinal] = true;
            }
        }

        return (needed, maps);
    }

    private static List<int> LiveBlocks(BlockIndex index, int pack, bool[] needed)
    {
        var first = index.FirstOrdinalOf(pack);
        return [.. Enumerable.Range(first, index.Packs[pack].Ids.Length).Where(o => needed[o])];
    }

    private static bool IsOrphan(string name, HashSet<string> maps, Dictionary<string, long> all) => name.Split('/') switch
    {
        ["maps", var map] => !maps.Contains(map),
        ["damaged", var pack] => !all.ContainsKey(Pack.ObjectName(pack)),
        ["tests", var snapshot, _] => !all.ContainsKey(Manifest.ObjectName(snapshot)),
        _ => false,
    };

    private long Carry(PrunePlan plan, Lease lease, CancellationToken cancellation)
    {
        var written = Rewrite(plan, cancellation);

        // From here on objects go. Each deletion is one of an object that no manifest leads to any more.
        var doomed = plan.Dead.Concat(plan.Rewrites.Select(r => Pack.ObjectName(r.PackId))).Concat(plan.Objects).ToList();
        for (var i = 0; i < doomed.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            lease.Assert();
            repository.Store.Delete(doomed[i]);
            sink.Progress($"Pruning {repository.Location} (objects)", i + 1, doomed.Count);
        }

        return written;
    }

    /// <summary>Copies the blocks that are still needed into new packs, durable before the old ones go.</summary>
    private long Rewrite(PrunePlan plan, CancellationToken cancellation)
    {
        if (plan.Moves.Count == 0)
        {
            return 0;
        }

        using var moved = new PackRewriter(repository);
        new BlockReader(repository).Read(plan.Moves, moved.Add, cancellation);
        return moved.Finish();
    }
}
