using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// A base backup in a scratch folder, recovered from the log archive as far as wanted, with a private server on it: what a
/// drill asks, and what a single table is taken from. All of it is gone when it is disposed of.
/// </summary>
internal sealed class PrivateCluster : IDisposable
{
    private readonly ScratchFolder scratch;
    private readonly PostgresFacts facts;
    private readonly string user;
    private LogFeeder? feeder;
    private ThrowawayServer? server;

    private PrivateCluster(ScratchFolder scratch, PostgresFacts facts, string user)
    {
        this.scratch = scratch;
        this.facts = facts;
        this.user = user;
    }

    /// <summary>Restores, recovers and starts.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="sink">Told of the progress.</param>
    /// <param name="snapshot">The base backup.</param>
    /// <param name="recovery">How far to recover; null stays at the base backup's own end.</param>
    /// <param name="scratchFolder">Where the scratch folder goes.</param>
    /// <param name="user">The superuser's name, where the snapshot does not tell it.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ClientToolUnfit"/>, <see cref="ErrorCode.ClientToolFailed"/>: it does not start;
    /// <see cref="ErrorCode.WalMissing"/>; or what a restore throws.
    /// </exception>
    public static PrivateCluster Start(Repository repository, IOperationSink sink, Snapshot snapshot, RecoveryTarget? recovery, string? scratchFolder, string? user, CancellationToken cancellation)
    {
        if (recovery is not null && OperatingSystem.IsWindows())
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "A private recovery is not possible on Windows. Restore with -Destination and -PointInTime, and start a server there.");
        }

        var facts = repository.ReadManifest(snapshot.Id).Postgres!;
        var cluster = new PrivateCluster(ScratchFolder.Create(scratchFolder), facts, user ?? facts.Superuser);
        try
        {
            cluster.Restore(repository, sink, snapshot, recovery, cancellation);
            return cluster;
        }
        catch (Exception e)
        {
            var failure = cluster.feeder?.Failure;
            cluster.Dispose();
            if (e is MaintenanceException && failure is MaintenanceException cause)
            {
                throw new MaintenanceException(cause.Code, cause.Message, cause.Target, e);
            }

            throw;
        }
    }

    public PostgresServer Connect(string? database) => PostgresServer.Connect(server!.ConnectionString, database);

    public void Dispose()
    {
        server?.Dispose();
        feeder?.Dispose();
        scratch.Dispose();
    }

    private void Restore(Repository repository, IOperationSink sink, Snapshot snapshot, RecoveryTarget? recovery, CancellationToken cancellation)
    {
        var data = Path.Combine(scratch.Path, ThrowawayServer.DataFolder);
        var (sockets, log) = (Path.Combine(scratch.Path, "s"), Path.Combine(scratch.Path, "log"));
        Directory.CreateDirectory(sockets);
        Directory.CreateDirectory(log);
        var options = new RestoreOptions { Destination = data, Recovery = recovery, RestoreCommand = LogFeeder.CommandFor(log) };
        new PostgresClusterRestore(repository, sink).Run(snapshot, options, cancellation);
        var owner = FileOwner.Of(data);
        foreach (var folder in new[] { scratch.Path, sockets, log })
        {
            FileOwner.Give(folder, owner);
        }

        if (recovery is not null)
        {
            feeder = new LogFeeder(repository, facts.System, log, owner);
        }

        server = ThrowawayServer.Start(facts.Version, data, sockets, owner, user, recovery is not null, cancellation);
    }
}
