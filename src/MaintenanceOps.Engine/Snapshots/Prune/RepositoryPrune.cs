using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Snapshots.Prune;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// Frees what no snapshot needs: first it dooms objects, then, when nobody can be building on them any more, it removes those
/// that still nobody needs. Section 13 of the format argues why no late process can do harm. Killed at any moment it leaves a
/// whole repository.
/// </summary>
public sealed class RepositoryPrune(Repository repository, IOperationSink sink)
{
    /// <summary>Temporary files this old belong to nobody who still works.</summary>
    private static readonly TimeSpan LeftoverAge = TimeSpan.FromHours(24);

    /// <summary>Prunes, or tells what pruning would do.</summary>
    /// <param name="options">How.</param>
    /// <param name="cancellation">Ends the prune between two objects.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.RepositoryLocked"/>, <see cref="ErrorCode.LeaseLost"/>,
    /// <see cref="ErrorCode.RetentionSuspicious"/>: there is content and no snapshot,
    /// <see cref="ErrorCode.SnapshotsMissing"/>: a snapshot that is known of is nowhere, or
    /// <see cref="ErrorCode.SnapshotDamaged"/>: it cannot be told what a snapshot needs. Nothing was removed then.
    /// </exception>
    public PruneResult Run(PruneOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var watch = Stopwatch.StartNew();
        using var lease = options.DryRun ? null : Lease.Exclude(repository.Store, "prune", cancellation);
        if (!options.DryRun)
        {
            repository.Upgrade(cancellation);
        }

        repository.ReadIndexAfresh(out var unreadable);
        var roll = new SnapshotRoll(repository).Call(cancellation);
        RefuseSuspicious(roll, options);
        var needs = new PruneNeeds(repository, sink);
        MarkAll(needs, roll.Ids, cancellation);
        var doomed = Dooms.NamesOf(repository.Dooms.Read(cancellation));
        var plan = PrunePlan.Make(repository, needs, roll, unreadable, doomed, options.RecoveryWindow);
        var result = options.DryRun
            ? new PruneForecast(repository, plan, needs).Tell(options, cancellation)
            : new PruneWork(repository, sink, lease!, plan, needs, roll).Run(options, cancellation);
        repository.ForgetIndex();
        return result with { ObjectsRemoved = result.ObjectsRemoved + repository.Store.CleanLeftovers(LeftoverAge, options.DryRun, cancellation), Elapsed = watch.Elapsed };
    }

    private void RefuseSuspicious(SnapshotRoll roll, PruneOptions options)
    {
        if (options.Force)
        {
            return;
        }

        if (repository.Index.Count > 0 && roll.Ids.Count == 0)
        {
            // Somebody removed the last snapshot, or the folder 'snapshots' is missing from a copy or a mount.
            throw new MaintenanceException(
                ErrorCode.RetentionSuspicious,
                $"{repository.Location} holds content and no snapshot at all: a prune would remove everything. If that is meant, use -Force; if not, look for its folder 'snapshots'.",
                repository.Location);
        }

        if (roll.Missing.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotsMissing,
                $"{repository.Location} does not show {roll.Missing.Count:N0} snapshots that it must have, such as {roll.Missing[0]}: other snapshots, records of checks or the last prune name them, and nobody removed them with Remove-Snapshot. Nothing is pruned. Bring 'snapshots/{roll.Missing[0]}' back from a copy; if it is gone for good, -Force goes on without it.",
                roll.Missing[0]);
        }
    }

    private void MarkAll(PruneNeeds needs, IEnumerable<string> ids, CancellationToken cancellation)
    {
        // Pending ones first: one that is named while the list is read is then among the others.
        var pending = new PendingManifests(repository);
        foreach (var (id, _) in pending.List(cancellation))
        {
            if (pending.Read(id, cancellation) is { } manifest)
            {
                needs.Mark(id, manifest, cancellation);
            }
        }

        foreach (var id in ids)
        {
            cancellation.ThrowIfCancellationRequested();
            PruneWork.MarkNamed(repository, needs, id, cancellation);
        }
    }
}
