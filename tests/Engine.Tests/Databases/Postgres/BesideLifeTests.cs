using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>Base backups of servers on which others go on working.</summary>
public sealed class BesideLifeTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Databases_and_tablespaces_come_and_go_and_the_log_is_recycled_during_a_backup()
    {
        using var cluster = new PostgresCluster("max_wal_size = '32MB'", "min_wal_size = '32MB'", "wal_keep_size = 0");
        foreach (var name in new[] { "stays", "goes" })
        {
            Directory.CreateDirectory(folder[name]);
        }

        PostgresCluster.Open(folder.Path);
        cluster.Execute($"CREATE TABLESPACE stays LOCATION '{folder["stays"]}'");
        cluster.Execute($"CREATE TABLESPACE goes LOCATION '{folder["goes"]}'");
        cluster.Execute("CREATE DATABASE shop TABLESPACE stays");
        cluster.Execute("CREATE DATABASE gone");
        cluster.Execute("CREATE DATABASE shut CONNECTION LIMIT 0");
        cluster.Execute("CREATE DATABASE broken");
        cluster.Execute("ALTER DATABASE broken SET session_preload_libraries = 'no_such_library'");
        cluster.Execute("CREATE TABLE orders AS SELECT i AS id, repeat(md5(i::text), 20) AS body FROM generate_series(1, 60000) i", "shop");
        using var repository = Repositories.New(folder);
        var sink = new Acting(() =>
        {
            cluster.Execute("DROP DATABASE gone");
            cluster.Execute("DROP TABLESPACE goes");
            for (var i = 0; i < 6; i++)
            {
                cluster.Execute("CREATE TABLE busy AS SELECT repeat('x', 1000) FROM generate_series(1, 12000); DROP TABLE busy");
                cluster.Execute("CHECKPOINT");
            }
        });
        var snapshot = new PostgresBaseBackup(repository, sink).Run(cluster.ConnectionString, new ClientToolOptions(), new BackupOptions { Source = "pg" });
        Assert.True(sink.Acted);
        Assert.Equal(["broken", "postgres", "shop", "shut", "template1"], repository.ReadManifest(snapshot.Id).Postgres!.Databases.Select(d => d.Name).Order(StringComparer.Ordinal));
        Assert.Contains(sink.Warnings, w => w.Contains("'broken'", StringComparison.Ordinal));
        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_replication_slots"));

        var drill = repository.Drill(folder, snapshot);
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.Equal(60000, drill.Rows);
    }

    [PostgresFact]
    public void Without_a_slot_to_spare_the_backup_goes_on_and_says_so()
    {
        using var cluster = new PostgresCluster("max_replication_slots = 0");
        using var repository = Repositories.New(folder);
        var sink = new Acting(() => { });
        new PostgresBaseBackup(repository, sink).Run(cluster.ConnectionString, new ClientToolOptions(), new BackupOptions { Source = "pg" });
        Assert.Contains(sink.Warnings, w => w.Contains("no replication slot", StringComparison.Ordinal));
    }

    [PostgresFact]
    public void A_server_that_cannot_archive_does_not_hold_its_backup_up()
    {
        using var cluster = new PostgresCluster("archive_mode = on", "archive_command = 'false'");
        using var repository = Repositories.New(folder);
        var sink = new Acting(() => { });
        var longest = HeldLog.LongestWait;
        try
        {
            HeldLog.LongestWait = TimeSpan.FromSeconds(1);
            var snapshot = new PostgresBaseBackup(repository, sink).Run(cluster.ConnectionString, new ClientToolOptions(), new BackupOptions { Source = "pg" });
            Assert.Contains(sink.Warnings, w => w.Contains("has not archived 0", StringComparison.Ordinal));
            Assert.True(repository.Drill(folder, snapshot).Passed);
        }
        finally
        {
            HeldLog.LongestWait = longest;
        }
    }

    [PostgresFact]
    public void A_base_backup_of_a_standby_is_drilled_and_recovers_along_its_primarys_log()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        using var repository = Repositories.New(folder);
        cluster.Execute("CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 1000) i");
        var standby = cluster.StartReplica("hot_standby = on");
        Assert.True(SpinWait.SpinUntil(() => PostgresCluster.Query<bool>("SELECT to_regclass('t') IS NOT NULL", standby), TimeSpan.FromSeconds(20)));

        // A setting of the standby itself, as tools that make standbys write it.
        File.AppendAllText(Path.Combine(PostgresCluster.Query<string>("SHOW data_directory", standby), "postgresql.auto.conf"), $"primary_conninfo = 'host={cluster.Folder} user=postgres application_name=second'\n");
        var snapshot = new PostgresBaseBackup(repository, SilentSink.Instance).Run(standby, new ClientToolOptions(), new BackupOptions { Source = "pg" });
        var drill = repository.Drill(folder, snapshot, "select count(*) = 1000 from t");
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));

        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "INSERT INTO t VALUES (1001)");
        var recovered = ArchivedServer.Drill(repository, folder, "latest", "select count(*) = 1001 from t");
        Assert.True(recovered.Passed, string.Join('\n', recovered.Findings));

        // What is started on a restore of it is no standby: it takes changes.
        var result = repository.Restore(snapshot, folder["data"]);
        Assert.Contains(result.Warnings, w => w.Contains("standby", StringComparison.Ordinal));
        Assert.False(File.Exists(folder["data/standby.signal"]));
        PostgresCluster.Query<object?>("INSERT INTO t VALUES (1)", cluster.StartOn(folder["data"]));
    }

    /// <summary>Does something while the bytes come in, and slows them down until it is done; the server waits for nobody who waits for it.</summary>
    private sealed class Acting(Action act) : IOperationSink
    {
        private Task? acting;

        public bool Acted => acting?.IsCompletedSuccessfully == true;

        public List<string> Warnings { get; } = [];

        public void Progress(string activity, long done, long total, string? unit = null)
        {
            acting ??= Task.Run(act);
            if (!acting.IsCompleted)
            {
                Thread.Sleep(20);
            }
        }

        public void Warn(string message) => Warnings.Add(message);

        public void Inform(string message)
        {
        }
    }
}
