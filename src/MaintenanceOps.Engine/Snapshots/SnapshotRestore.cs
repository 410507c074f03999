using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Restores a snapshot of any kind.</summary>
public sealed class SnapshotRestore(Repository repository, IOperationSink sink)
{
    /// <summary>Restores the snapshot, or a part of it.</summary>
    /// <param name="snapshot">The snapshot.</param>
    /// <param name="options">What of it and where to.</param>
    /// <param name="cancellation">Ends the restore; the destination is then as it was.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.SnapshotDamaged"/>, <see cref="ErrorCode.DestinationInUse"/>, <see cref="ErrorCode.DiskFull"/>,
    /// <see cref="ErrorCode.VerificationFailed"/>, <see cref="ErrorCode.DestinationEscaped"/>,
    /// <see cref="ErrorCode.ItemNotFound"/> or a failure of the file system. The old state is left or brought back.
    /// </exception>
    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        ArgumentNullException.ThrowIfNull(options);
        RequireUndamaged(snapshot, options.Force || options.DryRun);
        if (snapshot.MissingCount > 0)
        {
            sink.Warn($"Snapshot {snapshot.ShortId} of '{snapshot.Source}' is incomplete: {snapshot.MissingCount:N0} entries could not be read when it was taken{(snapshot.Missing is [var first, ..] ? $", such as '{first}'" : "")}.");
        }

        options = TableNames.Resolve(snapshot, repository.ReadManifest(snapshot.Id), options);
        using var lease = repository.ShareForReading($"restore of {snapshot.Source}", cancellation);
        return snapshot.Kind switch
        {
            SnapshotKind.PostgresPhysical when options.ConnectionString is not null => new PostgresClusterPart(repository, sink).Run(snapshot, options, cancellation),
            SnapshotKind.PostgresPhysical => new PostgresClusterRestore(repository, sink).Run(snapshot, options, cancellation),
            SnapshotKind.PostgresLogical when options.ConnectionString is not null => new PostgresDumpRestore(repository, sink).Run(snapshot, options, cancellation),
            SnapshotKind.Files or SnapshotKind.PostgresLogical => new TreeRestore(repository, sink).Run(snapshot, options, cancellation),
            _ when options.Table is not null => new SqliteTableRestore(repository, sink).Run(snapshot, options, cancellation),
            _ => new SqliteRestore(repository, sink).Run(snapshot, options, cancellation),
        };
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.VerificationFailed"/>.</exception>
    internal static void RequireUndamaged(Snapshot snapshot, bool force)
    {
        if (snapshot.Damaged && !force)
        {
            throw new MaintenanceException(
                ErrorCode.VerificationFailed,
                $"A check found snapshot {snapshot.ShortId} of '{snapshot.Source}' damaged. Choose another (Get-Snapshot -Verified, 'mops list --verified'), or save what is left of it with -Force.",
                snapshot.Id);
        }
    }
}
