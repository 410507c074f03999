using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

/// <summary>Drills of clusters whose settings and contents are for another machine.</summary>
public sealed class PrivateServerTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Nothing_of_the_clusters_own_settings_counts_for_its_drill()
    {
        using var cluster = new PostgresCluster("max_prepared_transactions = 7", "max_connections = 40");
        cluster.Execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS id; CREATE MATERIALIZED VIEW later AS SELECT id FROM t WITH NO DATA");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("ALTER DATABASE app SET session_preload_libraries = 'no_such_library'");
        cluster.Execute("BEGIN; INSERT INTO t VALUES (11); PREPARE TRANSACTION 'open'");
        File.AppendAllLines(Path.Combine(cluster.Data, "postgresql.auto.conf"),
        [
            "shared_preload_libraries = 'pg_cron_of_another_machine'",
            "shared_buffers = '900TB'",
            "huge_pages = on",
            "ssl = on",
            "ssl_cert_file = '/nowhere/server.crt'",
            "listen_addresses = '203.0.113.7'",
            "unix_socket_directories = '/nowhere'",
            "logging_collector = on",
            "log_directory = '/nowhere/log'",
            "lc_messages = 'xx_XX.UTF-8'",
            "archive_mode = on",
            "archive_command = 'touch /tmp/mops-test-must-not-exist'",
            "primary_conninfo = 'host=/nowhere'",
            "recovery_end_command = 'false'",
            "include_dir = '/nowhere/conf.d'",
            "max_connections = 100000000",
        ]);
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        var drill = repository.Drill(folder, snapshot, "select count(*) = 10 from t", "select current_setting('archive_mode') = 'off' and current_setting('listen_addresses') = '' and current_setting('max_logical_replication_workers') = '0' and current_setting('shared_preload_libraries') = ''", "select count(*) = 0 from pg_prepared_xacts");
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.Contains(drill.Findings, f => f.Rule == "PreparedTransaction" && f.Message.Contains("'open'", StringComparison.Ordinal));
        Assert.False(File.Exists("/tmp/mops-test-must-not-exist"));
    }

    [PostgresFact]
    public void What_users_wrote_into_the_cluster_does_not_run_in_its_drill()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS id; CREATE INDEX ON t(id)");
        cluster.Execute($"CREATE FUNCTION spy() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'COPY (SELECT 1) TO ''{cluster.Folder}/ran'''; END $$");
        cluster.Execute("CREATE EVENT TRIGGER spy ON ddl_command_start EXECUTE FUNCTION spy(); CREATE EVENT TRIGGER always ON ddl_command_end EXECUTE FUNCTION spy(); ALTER EVENT TRIGGER always ENABLE ALWAYS");
        File.Delete(Path.Combine(cluster.Folder, "ran"));
        using var repository = Repositories.New(folder);
        var drill = repository.Drill(folder, BaseBackupTests.BackUp(repository, cluster));
        Assert.True(drill.Passed, string.Join('\n', drill.Findings));
        Assert.False(File.Exists(Path.Combine(cluster.Folder, "ran")));
    }

    [PostgresFact]
    public void What_cannot_be_checked_here_is_unproven_and_what_is_wrong_is_damaged()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE t AS SELECT i AS id FROM generate_series(1, 5000) i; CREATE INDEX t_id ON t(id)");
        cluster.Execute("CREATE FUNCTION picky(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF current_setting('port') = '5432' AND current_setting('archive_mode') = 'off' AND current_setting('hot_standby') = 'off' THEN RAISE 'not on this machine'; END IF; RETURN $1; END $$; CREATE INDEX t_picky ON t(picky(id))");
        using var repository = Repositories.New(folder);
        var unproven = repository.Drill(folder, BaseBackupTests.BackUp(repository, cluster));
        Assert.True(unproven is { Passed: false, Unproven: true, Damaged: false }, string.Join('\n', unproven.Findings));
        Assert.Contains(unproven.Findings, f => f.Message.Contains("t_picky", StringComparison.Ordinal));

        // An index that does not fit its table is damage, also beside what cannot be checked.
        cluster.Execute("SET allow_system_table_mods = on; UPDATE pg_index SET indisready = false WHERE indexrelid = 't_id'::regclass");
        cluster.Execute("INSERT INTO t VALUES (5001)");
        cluster.Execute("UPDATE pg_index SET indisready = true WHERE indexrelid = 't_id'::regclass");
        var damaged = repository.Drill(folder, BaseBackupTests.BackUp(repository, cluster));
        Assert.True(damaged is { Passed: false, Damaged: true }, string.Join('\n', damaged.Findings));
        Assert.Contains(damaged.Findings, f => f.Rule == "IndexDamaged" && f.Message.Contains("t_id", StringComparison.Ordinal));
    }

    [PostgresFact]
    public void A_server_that_does_not_start_here_is_unproven_with_its_own_words()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE t AS SELECT generate_series(1, 10) AS id");
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        PostgresCluster.Open(folder.Path);
        var wrong = new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, User = "nobody_of_that_name", ScratchFolder = folder["scratch"] });
        Assert.True(wrong is { Passed: false, Unproven: true, Damaged: false });
        Assert.Contains("nobody_of_that_name", Assert.Single(wrong.Findings).Message, StringComparison.Ordinal);

        // Deep folders are no obstacle: a socket's path must be short.
        var deep = folder[string.Concat(Enumerable.Repeat("a-rather-long-name/", 7))];
        Directory.CreateDirectory(deep);
        PostgresCluster.Open(folder.Path);
        var passed = new SnapshotProof(repository, SilentSink.Instance).Run(snapshot, new ProofOptions { Level = VerificationLevel.Restore, ScratchFolder = deep });
        Assert.True(passed.Passed, string.Join('\n', passed.Findings));
        Assert.Empty(Directory.EnumerateFileSystemEntries(deep));
    }

    [PostgresFact]
    public void A_server_that_comes_no_further_is_given_up_and_its_last_words_are_told()
    {
        using var cluster = new PostgresCluster();
        using var repository = Repositories.New(folder);
        var snapshot = BaseBackupTests.BackUp(repository, cluster);
        PostgresCluster.Open(folder.Path);
        repository.Restore(snapshot, folder["data"]);
        File.WriteAllText(folder["data/standby.signal"], "");
        Directory.CreateDirectory(folder["s"]);
        PostgresCluster.Open(folder.Path);
        var patience = ThrowawayServer.Patience;
        try
        {
            ThrowawayServer.Patience = TimeSpan.FromSeconds(15);
            var error = Assert.Throws<MaintenanceException>(() => ThrowawayServer.Start(repository.ReadManifest(snapshot.Id).Postgres!.Version, folder["data"], folder["s"], Engine.Storage.FileOwner.Of(folder["data"]), "postgres", () => 0, CancellationToken.None));
            Assert.Equal(ErrorCode.ClientToolFailed, error.Code);
            Assert.Contains("come no further", error.Message, StringComparison.Ordinal);
        }
        finally
        {
            ThrowawayServer.Patience = patience;
        }

        Assert.False(File.Exists(folder["data/postmaster.pid"]));

        // A user's Ctrl+C ends the wait at once.
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(3));
        Assert.ThrowsAny<OperationCanceledException>(() => ThrowawayServer.Start(repository.ReadManifest(snapshot.Id).Postgres!.Version, folder["data"], folder["s"], Engine.Storage.FileOwner.Of(folder["data"]), "postgres", () => 0, stop.Token));
        Assert.False(File.Exists(folder["data/postmaster.pid"]));
    }

    [PostgresFact]
    public void A_tablespace_that_the_log_makes_is_never_written_to_by_a_private_server()
    {
        using var cluster = new PostgresCluster("wal_keep_size = '1GB'");
        Directory.CreateDirectory(folder["live"]);
        PostgresCluster.Open(folder.Path);
        using var repository = Repositories.New(folder);
        BaseBackupTests.BackUp(repository, cluster);
        cluster.Execute($"CREATE TABLESPACE made LOCATION '{folder["live"]}'");
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "CREATE TABLE t TABLESPACE made AS SELECT generate_series(1, 10) AS id");
        ArchivedServer.Archive(repository, cluster.Data, cluster.ConnectionString, "CREATE TABLE later AS SELECT 1 AS id");
        var before = Content();
        var test = ArchivedServer.Drill(repository, folder, "latest");
        Assert.True(test.Unproven, string.Join('\n', test.Findings));
        Assert.Contains(folder["live"], Assert.Single(test.Findings).Message, StringComparison.Ordinal);
        Assert.Equal(before, Content());

        string Content() => string.Join('\n', Directory.EnumerateFileSystemEntries(folder["live"], "*", SearchOption.AllDirectories).Order().Select(f => $"{f} {new FileInfo(f).LastWriteTimeUtc.Ticks}"));
    }
}
