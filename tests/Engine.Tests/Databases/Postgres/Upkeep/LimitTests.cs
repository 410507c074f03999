using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>A server of its own, close to its limits: transactions, connections, the log and who reads it.</summary>
public sealed class LimitTests
{
    [PostgresFact]
    public void A_server_near_its_limits_says_which()
    {
        using var cluster = new PostgresCluster(
            "autovacuum = off", "autovacuum_freeze_max_age = 100000", "max_connections = 10", "superuser_reserved_connections = 2",
            "archive_mode = on", "archive_command = 'false'", "wal_level = logical", "max_wal_size = 32MB", "min_wal_size = 32MB");
        var database = new UpkeepDatabase(cluster, "postgres");
        Assert.DoesNotContain(database.Inspect(), f => f.Rule is "Wraparound" or "Connections" or "ReplicationSlot");

        database.Execute("CREATE TABLE old(id int); INSERT INTO old VALUES (1)");
        database.Execute("SELECT pg_create_physical_replication_slot('forgotten', true)");
        database.Execute("DO $$ BEGIN FOR i IN 1..110000 LOOP PERFORM txid_current(); COMMIT; END LOOP; END $$");
        for (var i = 0; i < 8; i++)
        {
            database.Execute("CREATE TABLE bulk AS SELECT repeat('x', 1000) FROM generate_series(1, 12000); DROP TABLE bulk; SELECT pg_switch_wal()");
        }

        database.Execute("ALTER DATABASE postgres SET vacuum_failsafe_age = 0");
        Assert.True(SpinWait.SpinUntil(() => cluster.Query<long>("SELECT failed_count FROM pg_stat_archiver") > 0, TimeSpan.FromSeconds(10)));
        var others = Enumerable.Range(0, 6).Select(_ => database.Open()).ToList();
        var findings = database.Inspect(new UpkeepLimits { SlotBytes = 50 << 20 });
        others.ForEach(o => o.Dispose());

        var old = Assert.Single(findings, f => f is { Rule: "Wraparound", Object: "public.old" });
        Assert.Equal(("VACUUM (FREEZE) public.old", OptimizationStep.Vacuum, FindingSeverity.Error), (old.Sql, old.Action, old.Severity));
        Assert.Contains(findings, f => f is { Rule: "Wraparound", Object: "postgres", Action: null } && f.Message.Contains("database postgres", StringComparison.Ordinal));
        Assert.Contains(findings, f => f is { Rule: "Wraparound", Object: "pg_catalog.pg_class" });
        Assert.Contains(findings, f => f is { Rule: "Connections", Severity: FindingSeverity.Warning, Ratio: > 0.8 });
        Assert.Contains(findings, f => f is { Rule: "ArchiveFailing", Severity: FindingSeverity.Error });
        Assert.Contains(findings, f => f is { Rule: "WalSize", Severity: FindingSeverity.Warning });
        var slot = Assert.Single(findings, f => f.Rule == "ReplicationSlot");
        Assert.Equal(("forgotten", FindingSeverity.Warning, "SELECT pg_drop_replication_slot('forgotten');"), (slot.Object, slot.Severity, slot.Sql));

        // What keeps the server from stopping comes before what only gives room back.
        database.Execute("CREATE TABLE young AS SELECT i FROM generate_series(1, 10000) i; DELETE FROM young");
        var frozen = database.Optimize(OptimizationStep.Vacuum);
        Assert.Equal(frozen.Count - 1, frozen.FindIndex(r => r is { Object: "public.young", Sql: "VACUUM public.young" }));
        Assert.Contains(frozen, r => r is { Object: "public.old", Sql: "VACUUM (FREEZE) public.old" });
        Assert.All(frozen, r => Assert.True(r.Status == OptimizationStatus.Done, r.Reason));
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "Wraparound" && f.Action is not null);
    }

    /// <summary>A row that one session keeps locked and that others lock with it: each of them makes a multixact.</summary>
    [PostgresFact]
    public void Multixacts_near_their_limit_are_told_as_such()
    {
        using var cluster = new PostgresCluster("autovacuum = off", "autovacuum_multixact_freeze_max_age = 10000");
        var database = new UpkeepDatabase(cluster, "postgres");
        database.Execute("CREATE TABLE shared(id int); INSERT INTO shared VALUES (1)");
        using var first = database.Open();
        UpkeepDatabase.Execute(first, "BEGIN; SELECT * FROM shared FOR SHARE");
        database.Execute("DO $$ BEGIN FOR i IN 1..11000 LOOP PERFORM * FROM shared FOR SHARE; COMMIT; END LOOP; END $$");
        UpkeepDatabase.Execute(first, "COMMIT");
        var finding = Assert.Single(database.Inspect(), f => f is { Rule: "Wraparound", Object: "public.shared" });
        Assert.StartsWith("The oldest multixact of public.shared is ", finding.Message, StringComparison.Ordinal);
        Assert.Equal((FindingSeverity.Warning, "VACUUM (FREEZE) public.shared"), (finding.Severity, finding.Sql));
        Assert.All(database.Optimize(OptimizationStep.Vacuum), r => Assert.True(r.Status == OptimizationStatus.Done, r.Reason));
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "Wraparound" && f.Action is not null);
    }

    [PostgresFact]
    public void Settings_that_take_a_restart_and_checkpoints_that_come_early_are_told()
    {
        using var cluster = new PostgresCluster("wal_level = minimal", "max_wal_senders = 0", "max_wal_size = 32MB", "min_wal_size = 32MB");
        var database = new UpkeepDatabase(cluster, "postgres");
        Assert.DoesNotContain(database.Inspect(), f => f is { Rule: "Setting", Object: "max_wal_size" });
        for (var i = 0; i < 21; i++)
        {
            database.Execute("CHECKPOINT");
        }

        var findings = database.Inspect().Where(f => f.Rule == "Setting").ToDictionary(f => f.Object);
        Assert.Equal("ALTER SYSTEM SET wal_level = 'replica';", findings["wal_level"].Sql);
        Assert.Contains("checkpoints came early since it was full", findings["max_wal_size"].Message, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void A_standby_that_stays_behind_is_found()
    {
        using var cluster = new PostgresCluster("autovacuum = off");
        var connection = cluster.StartReplica("recovery_min_apply_delay = '1h'");
        var database = new UpkeepDatabase(cluster, "postgres");
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "ReplicationLag");
        database.Execute("CREATE TABLE bulk AS SELECT i, repeat('x', 1000) FROM generate_series(1, 20000) i");
        Assert.True(SpinWait.SpinUntil(() => cluster.Query<long>("SELECT count(*) FROM pg_stat_replication WHERE pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > 1000000") == 1, TimeSpan.FromSeconds(10)));
        var lag = Assert.Single(database.Inspect(new UpkeepLimits { ReplicationBytes = 1 << 20 }), f => f.Rule == "ReplicationLag");
        Assert.Equal("second", lag.Object);

        // The standby itself can be looked at, and refuses work in words.
        var second = new UpkeepDatabase(cluster, "postgres");
        Assert.DoesNotContain(second.Inspect(connection: connection), f => f.Rule == "NotLookedAt");
        NpgsqlConnection.ClearAllPools();
    }
}
