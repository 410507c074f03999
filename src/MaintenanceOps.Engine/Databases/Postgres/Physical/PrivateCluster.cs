using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// A base backup in a scratch folder, recovered from the log archive as far as wanted, with a private server on it: what a
/// drill asks, and what a single table is taken from. All of it is gone when it is disposed of.
/// </summary>
internal sealed class PrivateCluster : IDisposable
{
    /// <summary>
    /// A cluster may have libraries loaded into each session that are not installed here, and triggers on what is done to
    /// it. Nothing of that is wanted in a private server.
    /// </summary>
    private const string SessionOptions = "-c session_preload_libraries= -c local_preload_libraries= -c session_replication_role=replica";

    private readonly ScratchFolder scratch;
    private readonly PostgresFacts facts;
    private readonly string user;
    private readonly CancellationToken cancellation;
    private LogFeeder? feeder;
    private ThrowawayServer? server;

    private PrivateCluster(ScratchFolder scratch, PostgresFacts facts, string user, CancellationToken cancellation)
    {
        this.cancellation = cancellation;
        this.scratch = scratch;
        this.facts = facts;
        this.user = user;
    }

    /// <summary>How far the recovery from the log archive came; null where there was none.</summary>
    public RecoveryReached? Reached { get; private set; }

    /// <summary>Restores, recovers and starts.</summary>
    /// <param name="repository">The repository.</param>
    /// <param name="sink">Told of the progress.</param>
    /// <param name="snapshot">The base backup.</param>
    /// <param name="recovery">How far to recover; null stays at the base backup's own end.</param>
    /// <param name="scratchFolder">Where the scratch folder goes.</param>
    /// <param name="user">The superuser's name, where the snapshot does not tell it.</param>
    /// <param name="cancellation">Ends it, and later what is asked of it.</param>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ClientToolUnfit"/>, <see cref="ErrorCode.ClientToolFailed"/>: it does not start;
    /// <see cref="ErrorCode.WalMissing"/>: the recovery ends before its target, or before the archive's newest record;
    /// or what a restore throws.
    /// </exception>
    public static PrivateCluster Start(Repository repository, IOperationSink sink, Snapshot snapshot, RecoveryTarget? recovery, string? scratchFolder, string? user, CancellationToken cancellation)
    {
        if (recovery is not null && OperatingSystem.IsWindows())
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "A private recovery is not possible on Windows. Restore with -Destination and -PointInTime, and start a server there.");
        }

        var facts = repository.ReadManifest(snapshot.Id).Postgres!;
        var cluster = new PrivateCluster(ScratchFolder.Create(scratchFolder), facts, user ?? facts.Superuser, cancellation);
        try
        {
            cluster.Restore(repository, sink, snapshot, recovery);
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

    /// <summary>Connects to one of its databases, in which no event trigger runs any more.</summary>
    public PostgresServer Connect(string? database)
    {
        var settings = new NpgsqlConnectionStringBuilder(server!.ConnectionString) { Options = SessionOptions };
        var connection = PostgresServer.Connect(settings.ConnectionString, database, cancellation);
        try
        {
            connection.Execute("UPDATE pg_catalog.pg_event_trigger SET evtenabled = 'D' WHERE evtenabled <> 'D'");
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        server?.Dispose();
        feeder?.Dispose();
        scratch.Dispose();
    }

    private void Restore(Repository repository, IOperationSink sink, Snapshot snapshot, RecoveryTarget? recovery)
    {
        var data = Path.Combine(scratch.Path, ThrowawayServer.DataFolder);
        var (sockets, log) = (Path.Combine(scratch.Path, "s"), Path.Combine(scratch.Path, "log"));
        Directory.CreateDirectory(sockets);
        Directory.CreateDirectory(log);
        var options = new RestoreOptions { Destination = data, Recovery = recovery, RestoreCommand = LogFeeder.CommandFor(log) };
        var restore = new PostgresClusterRestore(repository, sink);
        restore.Run(snapshot, options, cancellation);
        KeepOwnSettingsOnly(Path.Combine(data, "postgresql.auto.conf"));
        var begin = Lsn.TryParse(facts.Base!.StartLsn, out var lsn) ? lsn : 0;
        foreach (var segment in Directory.GetFiles(Path.Combine(data, "pg_wal")).Where(f => WalFile.TryParse(Path.GetFileName(f), out var file) && file.IsSegment))
        {
            LogFeeder.RequirePrivate(File.ReadAllBytes(segment), begin);
        }

        var owner = FileOwner.Of(data);
        foreach (var folder in new[] { scratch.Path, sockets, log })
        {
            FileOwner.Give(folder, owner);
        }

        if (recovery is not null)
        {
            feeder = new LogFeeder(repository, facts.System, begin, log, data, owner);
        }

        server = ThrowawayServer.Start(facts.Version, data, sockets, owner, user, () => feeder?.Served ?? 0, cancellation);
        if (restore.Plan is { } plan)
        {
            Reached = Ask(plan);
            sink.Inform(Reached.ToString());
        }
    }

    /// <summary>What somebody set with ALTER SYSTEM is for another machine: memory, libraries, certificates, a primary.</summary>
    private static void KeepOwnSettingsOnly(string path)
    {
        var lines = File.ReadAllLines(path);
        var mark = Array.LastIndexOf(lines, PostgresClusterRestore.SettingsMark);
        File.WriteAllLines(path, lines[Math.Max(mark, 0)..]);
    }

    /// <summary>How far it came, which must be as far as the plan says.</summary>
    private RecoveryReached Ask(RecoveryPlan plan)
    {
        // It has begun a timeline of its own meanwhile; the one before that is in the history that it wrote.
        using var connection = Connect("template1");
        var (place, last) = connection.Rows(
            "SELECT pg_catalog.pg_last_wal_replay_lsn()::pg_catalog.text, pg_catalog.pg_last_xact_replay_timestamp()",
            r => (r.IsDBNull(0) ? "0/0" : r.GetString(0), r.IsDBNull(1) ? null : (DateTimeOffset?)r.GetFieldValue<DateTimeOffset>(1)))[0];
        if (plan.LastRecord is { } record && Lsn.Parse(place) <= record)
        {
            throw new MaintenanceException(
                ErrorCode.WalMissing,
                $"The recovery ended at {place} on timeline {plan.Timeline}, and the archive's newest record begins at {Lsn.Format(record)}. What was committed since is not in it.",
                place);
        }

        return new RecoveryReached(plan.Timeline, place, last);
    }
}
