using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>Who is in whose way, and what else only shows while it lasts.</summary>
[Collection(UpkeepCollection.Name)]
public sealed class ActivityTests(UpkeepWorld world)
{
    private static readonly UpkeepLimits Impatient = new() { Blocked = TimeSpan.Zero, Transaction = TimeSpan.Zero, IdleInTransaction = TimeSpan.Zero, Prepared = TimeSpan.Zero };

    [PostgresFact]
    public async Task The_head_of_a_queue_is_named_with_how_many_wait_behind_it()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t(id int)");
        using var head = database.Open();
        UpkeepDatabase.Execute(head, "BEGIN; SET application_name = 'the culprit'; LOCK TABLE t IN ACCESS EXCLUSIVE MODE; /* password = 'hush' */ SELECT 1");
        using var second = database.Open();
        using var third = database.Open();
        var waits = new[] { Wait(second, "BEGIN; LOCK TABLE t IN EXCLUSIVE MODE"), Wait(third, "SELECT count(*) FROM t") };
        Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 2, TimeSpan.FromSeconds(5)));
        var findings = database.Inspect(Impatient);
        var blocking = Assert.Single(findings, f => f.Rule == "Blocking");
        Assert.Equal($"pid {head.ProcessID}", blocking.Object);
        Assert.Contains("the culprit", blocking.Message, StringComparison.Ordinal);
        Assert.Contains("keeps 2 sessions waiting", blocking.Message, StringComparison.Ordinal);
        Assert.Contains("SELECT count(*) FROM t", blocking.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", blocking.Message, StringComparison.Ordinal);
        Assert.Equal($"SELECT pg_terminate_backend({head.ProcessID});", blocking.Sql);
        Assert.Contains(findings, f => f.Rule == "LongTransaction" && f.Object == $"pid {head.ProcessID}" && f.Message.Contains("idle in transaction", StringComparison.Ordinal));
        UpkeepDatabase.Execute(head, "ROLLBACK");
        await Task.WhenAll(waits);
        UpkeepDatabase.Execute(second, "ROLLBACK");
        var after = database.Inspect();
        Assert.DoesNotContain(after, f => f.Rule is "Blocking" or "LongTransaction");
    }

    [PostgresFact]
    public async Task A_statement_that_has_long_run_and_just_begins_to_wait_is_no_blocked_one()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t(id int)");
        using var head = database.Open();
        UpkeepDatabase.Execute(head, "BEGIN; LOCK TABLE t");
        using var second = database.Open();
        var wait = Wait(second, "DO $$ BEGIN PERFORM pg_sleep(3); PERFORM count(*) FROM t; END $$");
        Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 1, TimeSpan.FromSeconds(10)));
        Assert.DoesNotContain(database.Inspect(new UpkeepLimits { Blocked = TimeSpan.FromSeconds(2.9) }), f => f.Rule == "Blocking");
        Assert.Contains(database.Inspect(Impatient), f => f.Rule == "Blocking");
        UpkeepDatabase.Execute(head, "ROLLBACK");
        await wait;
    }

    [PostgresFact]
    public void A_transaction_that_was_prepared_and_forgotten_is_found()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t(id int)");
        using (var connection = database.Open())
        {
            UpkeepDatabase.Execute(connection, "BEGIN; INSERT INTO t VALUES (1)");
            UpkeepDatabase.Execute(connection, "PREPARE TRANSACTION 'it''s'");
        }

        var finding = Assert.Single(database.Inspect(Impatient), f => f.Rule == "PreparedTransaction");
        Assert.Equal("ROLLBACK PREPARED 'it''s';", finding.Sql);
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "PreparedTransaction");
        database.Execute("ROLLBACK PREPARED 'it''s'");
    }

    [PostgresFact]
    public async Task Whoever_waits_for_somebody_who_waits_is_told_with_whom()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t1(id int); CREATE TABLE t2(id int)");
        using var head = database.Open();
        using var middle = database.Open();
        using var last = database.Open();
        UpkeepDatabase.Execute(head, "BEGIN; LOCK TABLE t1");
        UpkeepDatabase.Execute(middle, "BEGIN; LOCK TABLE t2");
        var waits = new[] { Wait(middle, "SELECT count(*) FROM t1"), Wait(last, "SELECT count(*) FROM t2") };
        Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") == 2, TimeSpan.FromSeconds(5)));
        var blocking = Assert.Single(database.Inspect(Impatient), f => f.Rule == "Blocking");
        Assert.Equal($"pid {head.ProcessID}", blocking.Object);
        Assert.Contains("keeps 2 sessions waiting", blocking.Message, StringComparison.Ordinal);
        Assert.Contains($"SELECT count(*) FROM t2, behind pid {middle.ProcessID}", blocking.Message, StringComparison.Ordinal);
        Assert.DoesNotContain($"behind pid {head.ProcessID}", blocking.Message, StringComparison.Ordinal);
        UpkeepDatabase.Execute(head, "ROLLBACK");
        await waits[0];
        UpkeepDatabase.Execute(middle, "ROLLBACK");
        await waits[1];
    }

    [PostgresFact]
    public void A_statement_that_took_most_of_the_time_is_told_first()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()");
        database.Execute("SELECT pg_sleep(0.7) /* secret = 'hush' */");
        var slow = database.Inspect().First(f => f.Rule == "SlowStatement");
        Assert.Contains("SELECT pg_sleep($1)", slow.Message, StringComparison.Ordinal);
        Assert.Contains("in 1 calls of 70", slow.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hush", slow.Message, StringComparison.Ordinal);
        Assert.InRange(slow.Ratio!.Value, 0.5, 1);
    }

    /// <summary>A cache of 1 MiB, and a table of 20 MiB that is read again and again between two looks.</summary>
    [PostgresFact]
    public void Reading_that_the_cache_does_not_hold_is_told_at_the_second_look()
    {
        using var folder = new TestFolder();
        using var cluster = new PostgresCluster("shared_buffers = '1MB'", "autovacuum = off");
        var database = new UpkeepDatabase(cluster, "postgres");
        var history = new DatabaseHistory(folder["history"], SilentSink.Instance);
        database.Execute("CREATE TABLE big AS SELECT i, repeat('x', 1000) AS body FROM generate_series(1, 20000) i");
        Assert.DoesNotContain(database.Inspect(history: history), f => f.Rule == "CacheHitRatio");
        for (var i = 0; i < 6; i++)
        {
            database.Execute("SELECT count(*) FROM big");
        }

        Thread.Sleep(TimeSpan.FromSeconds(1));
        var finding = Assert.Single(database.Inspect(history: history), f => f.Rule == "CacheHitRatio");
        Assert.InRange(finding.Ratio!.Value, 0, 0.5);
        Assert.DoesNotContain(database.Inspect(), f => f.Rule == "CacheHitRatio");

        // Counters that were reset say nothing of the time since the last look.
        database.Execute("SELECT pg_stat_reset()");
        Thread.Sleep(TimeSpan.FromSeconds(1.1));
        Assert.DoesNotContain(database.Inspect(history: history), f => f.Rule == "CacheHitRatio");
    }

    [PostgresFact]
    public void The_cache_is_judged_by_what_was_read_meanwhile()
    {
        var database = world.NewDatabase();
        using var session = UpkeepSession.Open(database.Connection, null, null);
        var inspection = new Inspection(session, new UpkeepLimits(), null, default);
        var second = TimeSpan.FromSeconds(1);
        var finding = Assert.Single(CacheRule.Judge(inspection, (1000, 900), (41_000, 20_900), second));
        Assert.Equal(0.5, finding.Ratio);
        Assert.Empty(CacheRule.Judge(inspection, (0, 0), (9_000, 0), second));
        Assert.Empty(CacheRule.Judge(inspection, (0, 0), (1_000_000, 980_000), second));
    }

    private static async Task Wait(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
