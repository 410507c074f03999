using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Tells how two snapshots of one kind differ.</summary>
public sealed class SnapshotComparison(Repository repository, IOperationSink sink)
{
    /// <summary>Compares two snapshots of one repository.</summary>
    /// <param name="reference">The older state.</param>
    /// <param name="difference">The newer state.</param>
    /// <param name="cancellation">Ends the comparison.</param>
    /// <returns>What differs: files in listing order, tables by name.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotKindMismatch"/> or <see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public IReadOnlyList<SnapshotDifference> Run(Snapshot reference, Snapshot difference, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(difference);
        if (reference.Kind != difference.Kind)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, $"{reference.ShortId} holds {reference.Kind} and {difference.ShortId} holds {difference.Kind}; they cannot be compared.", difference.Id);
        }

        if (reference.ContentHash == difference.ContentHash)
        {
            return [];
        }

        using var lease = repository.ShareForReading("comparison", cancellation);
        return reference.Kind.HasListing()
            ? new TreeComparison(repository).Run(reference, difference, cancellation)
            : new SqliteComparison(repository, sink).Run(reference, difference, cancellation);
    }
}
