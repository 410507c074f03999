using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;
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
