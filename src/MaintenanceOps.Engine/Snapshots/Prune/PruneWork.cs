using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Snapshots.Leases;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>Carries a plan out: writes anew, dooms, looks again at who needs what, and removes.</summary>
internal sealed class PruneWork(Repository repository, IOperationSink sink, Lease lease, PrunePlan plan, PruneNeeds needs, SnapshotRoll roll)
{
    private readonly PendingManifests pending = new(repository);
    private readonly HashSet<string> deleted = [];
    private long deletedSize;

    public PruneResult Run(PruneOptions options, CancellationToken cancellation)
    {
        var written = Rewrite(cancellation);
        lease.Assert();
        Doom(cancellation);
        var hurry = options.Now || (lease.IsAlone && !needs.SomethingIsUntold);
        var now = StoreTime(cancellation);
        GiveUpPending(hurry ? TimeSpan.Zero : options.Grace, now, cancellation);

        // The order is the argument: first the dooms that are acted on, another prune's too; then the needs; then, for the copies
        // that make a pack dispensable, the dooms once more and the packs.
        var dooms = repository.Dooms.Read(cancellation);
        var late = NamedSince(cancellation);
        var ripe = dooms.Where(d => d.Objects is null || hurry || now - d.Since >= options.Grace).ToList();
        Remove(ripe.Count == 0 ? [] : Removable(ripe, late, cancellation), plan.ToDelete, cancellation);
        Tidy(options, ripe, dooms, now, cancellation);
        repository.RequireSame();
        return Tell(dooms, written);
    }

    /// <summary>Marks what a manifest needs that has been named.</summary>
    public static void MarkNamed(Repository repository, PruneNeeds needs, string id, CancellationToken cancellation)
    {
        try
        {
            needs.Mark(id, repository.ReadManifest(id), cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotNotFound)
        {
            // Removed since it was listed.
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotDamaged,
                $"It cannot be told what snapshot {id[..8]} needs, so nothing is pruned. {e.Message} If it is lost, 'Remove-Snapshot {id}' or 'mops remove {id[..12]}' takes it out of the way.",
                id,
                e);
        }
    }

    /// <summary>Copies the blocks that are still needed into new packs, durable before the old ones are doomed.</summary>
    private long Rewrite(CancellationToken cancellation)
    {
        if (plan.Moves.Count == 0)
        {
            return 0;
        }

        using var moved = new PackRewriter(repository, cancellation);
        new BlockReader(repository).Read(plan.Moves, moved.Add, cancellation);
        return moved.Finish();
    }

    private void Doom(CancellationToken cancellation)
    {
        if (plan.ToDoom.Count > 0)
        {
            repository.Dooms.Announce(plan.ToDoom, cancellation);
        }
    }

    /// <summary>
    /// Ends what is pending for longer than its owner can be late. One whose manifest is there needs no more keeping; one that cannot
    /// be read keeps nothing.
    /// </summary>
    private void GiveUpPending(TimeSpan grace, DateTimeOffset now, CancellationToken cancellation)
    {
        foreach (var (id, since) in pending.List(cancellation))
        {
            if (now - since >= grace || pending.Read(id, cancellation) is null)
            {
                pending.GiveUp(id, cancellation);
            }
        }
    }

    /// <summary>The manifests that were named or begun since the needs were marked; those that are begun are listed first, since they move.</summary>
    private List<(string Id, Manifest? Manifest)> NamedSince(CancellationToken cancellation)
    {
        var begun = pending.List(cancellation)
            .Where(p => !needs.Knows(p.Id))
            .Select(p => (p.Id, Manifest: pending.Read(p.Id, cancellation)))
            .Where(p => p.Manifest is not null)
            .ToList();
        return [.. begun, .. repository.ManifestIds().Where(id => !needs.Knows(id)).Select(id => (id, (Manifest?)null))];
    }

    private List<string> Removable(IReadOnlyList<Doom> ripe, List<(string Id, Manifest? Manifest)> late, CancellationToken cancellation)
    {
        // Read after the manifests, so that every pack that they need is in it.
        repository.ReadIndexAgain(out var unreadable);
        needs.MoveTo(repository.Index);
        foreach (var (id, manifest) in late)
        {
            if (manifest is null)
            {
                MarkNamed(repository, needs, id, cancellation);
            }
            else
            {
                needs.Mark(id, manifest, cancellation);
            }
        }

        var names = Dooms.NamesOf(ripe);
        var spared = Enumerable.Range(0, repository.Index.Packs.Count)
            .Where(p => !needs.CanSpare(p))
            .Select(p => Pack.ObjectName(repository.Index.Packs[p].PackId))
            .Concat(needs.SomethingIsMissing ? unreadable.Select(u => u.ObjectName) : [])
            .Concat(needs.Maps.Select(PageMap.ObjectName))
            .ToHashSet();
        var there = repository.Store.List("packs/", cancellation).Concat(repository.Store.List("maps/", cancellation)).Select(o => o.Name);
        return [.. there.Where(n => names.Contains(n) && !spared.Contains(n))];
    }

    private void Remove(IReadOnlyList<string> doomed, IReadOnlyList<string> others, CancellationToken cancellation)
    {
        var all = doomed.Concat(others).ToList();
        for (var i = 0; i < all.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            lease.Assert();
            Delete(all[i], cancellation);
            sink.Progress($"Pruning {repository.Location} (objects)", i + 1, all.Count);
        }
    }

    private void Delete(string name, CancellationToken cancellation)
    {
        repository.Store.Delete(name, cancellation);
        if (deleted.Add(name))
        {
            deletedSize += plan.Sizes.GetValueOrDefault(name);
        }
    }

    /// <summary>Records of dooms whose objects are all gone, spent tombstones; and what was seen is written down for the next prune.</summary>
    private void Tidy(PruneOptions options, IReadOnlyList<Doom> ripe, IReadOnlyList<Doom> all, DateTimeOffset now, CancellationToken cancellation)
    {
        var there = repository.Store.List("packs/", cancellation).Concat(repository.Store.List("maps/", cancellation)).Select(o => o.Name).ToHashSet();
        foreach (var doom in ripe.Where(d => d.Objects is null || !d.Objects.Any(there.Contains)))
        {
            repository.Store.Delete(doom.Name, cancellation);
        }

        var tombstones = new Tombstones(repository);
        if (options.Force)
        {
            roll.Missing.ForEach(tombstones.Put);
        }

        tombstones.RememberSeen(roll.Ids, cancellation);
        foreach (var spent in tombstones.Spent(roll.Named, now, cancellation))
        {
            repository.Store.Delete(spent, cancellation);
        }
    }

    /// <summary>The store's own time: this prune's lease was written a moment ago.</summary>
    private DateTimeOffset StoreTime(CancellationToken cancellation) =>
        repository.Store.List("leases/exclusive-", cancellation).Select(o => o.Modified).DefaultIfEmpty(repository.Time.GetUtcNow()).Max();

    private PruneResult Tell(IReadOnlyList<Doom> dooms, long written)
    {
        var before = plan.Sizes.Values.Sum();
        var waiting = Dooms.NamesOf(dooms).Where(n => !deleted.Contains(n) && plan.Sizes.ContainsKey(n)).ToList();
        return new PruneResult
        {
            Repository = repository.Location,
            PacksRemoved = deleted.Count(n => IsPack(n) && !plan.Rewritten.Contains(n)),
            PacksRewritten = plan.Rewritten.Count,
            PacksDoomed = waiting.Count(IsPack),
            SizeDoomed = waiting.Sum(n => plan.Sizes[n]),
            ObjectsRemoved = deleted.Count(n => !IsPack(n)),
            SizeBefore = before,
            SizeAfter = before - deletedSize + written,
        };
    }

    public static bool IsPack(string name) => name.StartsWith("packs/", StringComparison.Ordinal);
}
