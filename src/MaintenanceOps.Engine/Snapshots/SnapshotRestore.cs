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
        if (options is { Destination: { } destination, ConnectionString: null })
        {
            RepositoryPlace.RefuseAsDestination(repository, destination);
        }

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
            SnapshotKind.PostgresLogical => RestoreDump(snapshot, options, cancellation),
            SnapshotKind.Files => new TreeRestore(repository, sink).Run(snapshot, options, cancellation),
            _ when options.Table is not null => new SqliteTableRestore(repository, sink).Run(snapshot, options, cancellation),
            _ => new SqliteRestore(repository, sink).Run(snapshot, options, cancellation),
        };
    }

    /// <summary>Into a server: the one that is given, or for what belongs into one the recorded one; else the dumps as files.</summary>
    private RestoreResult RestoreDump(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.ConnectionString is not null)
        {
            return new PostgresDumpRestore(repository, sink).Run(snapshot, options, cancellation);
        }

        if (!RecordedServer.IsMeant(options))
        {
            RecordedServer.RequireFolder(options.Destination);
            return new TreeRestore(repository, sink).Run(snapshot, options, cancellation);
        }

        var recorded = RecordedServer.Choose(options, snapshot, repository.ReadManifest(snapshot.Id));
        try
        {
            return new PostgresDumpRestore(repository, sink).Run(snapshot, recorded, cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ServerUnavailable)
        {
            throw new MaintenanceException(e.Code, $"{e.Message} This is the server that the snapshot was taken from; another one, another user or a password file is given with -ConnectionString.", e.Target, e);
        }
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.VerificationFailed"/>.</exception>
    internal static void RequireUndamaged(Snapshot snapshot, bool force)
    {
        if (snapshot.Damaged && !force)
        {
            throw new MaintenanceException(
                ErrorCode.VerificationFailed,
                $"A check found snapshot {snapshot.ShortId} of '{snapshot.Source}' damaged. Choose another (Get-Snapshot -Verified), or save what is left of it with -Force.",
                snapshot.Id);
        }
    }
}
