namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>Tells what carrying a plan out would come to.</summary>
internal sealed class PruneForecast(Repository repository, PrunePlan plan, PruneNeeds needs)
{
    public PruneResult Tell(PruneOptions options, CancellationToken cancellation)
    {
        var dooms = repository.Dooms.Read(cancellation);
        var hurry = options.Now || (IsAlone() && !needs.SomethingIsUntold);
        var now = repository.Time.GetUtcNow();
        var ripe = Dooms.NamesOf(dooms.Where(d => hurry || now - d.Since >= options.Grace)).Where(n => plan.Sizes.ContainsKey(n) && !IsNeeded(n));
        var going = ripe.Concat(hurry ? plan.ToDoom : []).ToHashSet();
        var waiting = Dooms.NamesOf(dooms).Concat(plan.ToDoom).Where(n => plan.Sizes.ContainsKey(n) && !going.Contains(n)).ToHashSet();
        var before = plan.Sizes.Values.Sum();
        return new PruneResult
        {
            Repository = repository.Location,
            DryRun = true,
            PacksRemoved = going.Count(n => PruneWork.IsPack(n) && !plan.Rewritten.Contains(n)),
            PacksRewritten = plan.Rewritten.Count,
            PacksDoomed = waiting.Count(PruneWork.IsPack),
            SizeDoomed = waiting.Sum(n => plan.Sizes[n]),
            ObjectsRemoved = going.Count(n => !PruneWork.IsPack(n)) + plan.ToDelete.Count,
            SizeBefore = before,
            SizeAfter = before + plan.SizeOfMoves - going.Concat(plan.ToDelete).Sum(n => plan.Sizes.GetValueOrDefault(n)),
        };
    }

    /// <summary>Blocks that only a doomed pack has are moved first, so of the doomed objects only maps are kept.</summary>
    private bool IsNeeded(string name) => !PruneWork.IsPack(name) && needs.Maps.Contains(name["maps/".Length..]);

    /// <summary>Takes the lock for a moment: nothing on the disk changes.</summary>
    private bool IsAlone()
    {
        using var alone = repository.Store.TryLock(alone: true);
        return alone is not null;
    }
}
