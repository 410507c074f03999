using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>Each step does its work beside the application, gives way to locks, and leaves nothing half-done.</summary>
[Collection(UpkeepCollection.Name)]
public sealed class OptimizeTests(UpkeepWorld world)
{
    private static readonly UpkeepLimits Small = new() { BloatSize = 1 << 20 };
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(400);

    [PostgresFact]
    public void Vacuum_and_analyze_do_what_the_findings_ask_for_and_leave_the_rest()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE dead(id int); INSERT INTO dead SELECT generate_series(1, 1000); CREATE TABLE few(id int); INSERT INTO few SELECT generate_series(1, 1000)");
        database.Execute("VACUUM ANALYZE dead");
        database.Execute("VACUUM ANALYZE few");
        database.Execute("DELETE FROM dead WHERE id > 500; DELETE FROM few WHERE id > 990");
        var findings = database.Inspect();
        var results = new List<OptimizationResult>();
        using (var upkeep = database.Upkeep())
        {
            new OptimizationRun(upkeep, new OptimizationRequest { Findings = findings }, SilentSink.Instance).Run(results.Add, default);
        }

        Assert.Equal([OptimizationStep.Vacuum, OptimizationStep.Analyze], results.Select(r => r.Step));
        Assert.All(results, r => Assert.Equal(("public.dead", OptimizationStatus.Done), (r.Object, r.Status)));
        Assert.True(results[0].Reclaimed > 0, results[0].ToString());
        Assert.DoesNotContain(database.Inspect(), f => f.Action is not null);
        var skipped = Assert.Single(database.Optimize(OptimizationStep.Vacuum));
        Assert.Equal(("public.few", OptimizationStatus.Skipped), (skipped.Object, skipped.Status));
        Assert.Contains("10 dead rows", skipped.Reason, StringComparison.Ordinal);
        Assert.Equal(OptimizationStatus.Done, Assert.Single(database.Optimize(OptimizationStep.Vacuum, force: true)).Status);
        Assert.Empty(database.Optimize(OptimizationStep.Vacuum));
    }

    [PostgresFact]
    public void A_lock_in_the_way_is_waited_for_no_longer_than_was_said_and_its_holder_is_named()
    {
        var database = Bloated();
        using var holder = database.Open();
        foreach (var (step, mode) in new[] { (OptimizationStep.Vacuum, "SHARE"), (OptimizationStep.Analyze, "ACCESS EXCLUSIVE"), (OptimizationStep.Reindex, "ROW EXCLUSIVE"), (OptimizationStep.VacuumFull, "ACCESS SHARE") })
        {
            UpkeepDatabase.Execute(holder, $"BEGIN; LOCK TABLE airy IN {mode} MODE");
            var clock = Stopwatch.StartNew();
            var result = Assert.Single(database.Optimize(step, Short, Small));
            Assert.InRange(clock.Elapsed, Short, Short + TimeSpan.FromSeconds(10));
            Assert.Equal(OptimizationStatus.Skipped, result.Status);
            Assert.Contains($"pid {holder.ProcessID} ", result.Reason, StringComparison.Ordinal);
            Assert.Contains("LOCK TABLE airy", result.Reason, StringComparison.Ordinal);
            UpkeepDatabase.Execute(holder, "ROLLBACK");
            Assert.Equal(0, database.InvalidIndexes());
        }
    }

    [PostgresFact]
    public async Task A_rewrite_that_waits_keeps_nobody_waiting()
    {
        var database = Bloated();
        using var reader = database.Open();
        UpkeepDatabase.Execute(reader, "BEGIN; SELECT count(*) FROM airy");
        var rewrite = Task.Run(() => Assert.Single(database.Optimize(OptimizationStep.VacuumFull, TimeSpan.FromSeconds(2), Small)));
        await Task.Delay(500);
        var clock = Stopwatch.StartNew();
        database.Query<long>("SELECT count(*) FROM airy");
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(1.9), clock.Elapsed.ToString());
        UpkeepDatabase.Execute(reader, "ROLLBACK");
        var result = await rewrite;
        Assert.True(result.Status == OptimizationStatus.Done, result.Reason);
        Assert.True(result.Reclaimed > 5 << 20, result.ToString());
    }

    [PostgresFact]
    public void A_rebuild_gives_bytes_back_and_fails_in_words()
    {
        var database = Bloated();
        database.Execute("ALTER INDEX airy_id RENAME TO airy_id_ccnew_not");
        var rebuilt = Assert.Single(database.Optimize(OptimizationStep.Reindex, limits: Small));
        Assert.True(rebuilt.Status == OptimizationStatus.Done, rebuilt.Reason);
        Assert.True(rebuilt.Reclaimed > 1 << 20, rebuilt.ToString());
        Assert.Equal(OptimizationStatus.Skipped, Assert.Single(database.Optimize(OptimizationStep.Reindex, limits: Small)).Status);

        // A function of the index that fails meanwhile: the copy goes, the index stays.
        database.Execute("CREATE FUNCTION fickle(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i; END'; CREATE INDEX airy_fickle ON airy(fickle(id))");
        database.Execute("CREATE OR REPLACE FUNCTION fickle(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RAISE ''no more''; END'");
        var failed = Assert.Single(database.Optimize(OptimizationStep.Reindex, limits: Small, force: true), r => r.Object == "public.airy_fickle");
        Assert.Equal(OptimizationStatus.Failed, failed.Status);
        Assert.Contains("no more", failed.Reason, StringComparison.Ordinal);
        Assert.Equal(0, database.InvalidIndexes());
    }

    [PostgresFact]
    public void A_rebuild_that_is_cancelled_ends_soon_and_leaves_no_invalid_index()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE slow(id int); INSERT INTO slow SELECT generate_series(1, 1000);
            CREATE FUNCTION dawdle(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF current_setting(''application_name'') = ''mops'' THEN PERFORM pg_sleep(0.02); END IF; RETURN i; END';
            CREATE INDEX slow_dawdle ON slow(dawdle(id))
            """);
        using var upkeep = database.Upkeep();
        Promptly.Ends(() =>
        {
            using var stop = new CancellationTokenSource();
            var task = Assert.Single(upkeep.Plan(OptimizationStep.Reindex, default));
            var running = Task.Run(() => upkeep.Carry(task, stop.Token, stop.Token));
            Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'building%'") == 1, TimeSpan.FromSeconds(10)));

            // While it is built it is nobody's leftover.
            Assert.Equal(1, database.InvalidIndexes());
            Assert.DoesNotContain(database.Inspect(), f => f.Rule == "InvalidIndex");
            var clock = Stopwatch.StartNew();
            stop.Cancel();
            Assert.ThrowsAny<OperationCanceledException>(() => running.GetAwaiter().GetResult());
            var took = clock.Elapsed;
            Assert.Equal(0, database.InvalidIndexes());
            return took;
        });

        // The session is as before.
        Assert.NotEmpty(upkeep.Inspect(default));
    }

    [PostgresFact]
    public void A_rebuild_that_is_cancelled_waits_for_no_lock_as_long_as_others_may_be_waited_for()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t(id int); INSERT INTO t SELECT generate_series(1, 1000); CREATE INDEX good ON t(id)");
        using var stop = new CancellationTokenSource();
        using var upkeep = database.Upkeep(TimeSpan.FromMinutes(1));

        // A transaction that begins once the copy is built, and that both the rebuild and dropping its copy wait for.
        using var late = database.Open();
        using var gate = database.Open();
        UpkeepDatabase.Execute(gate, "SELECT pg_advisory_lock(1)");
        database.Execute("CREATE FUNCTION wait(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF i = 1 AND current_setting(''application_name'') = ''mops'' THEN PERFORM pg_advisory_xact_lock(1); END IF; RETURN i; END'; CREATE INDEX waiting ON t(wait(id))");
        var task = Assert.Single(upkeep.Plan(OptimizationStep.Reindex, default), t => t.Object == "public.waiting");
        var running = Task.Run(() => upkeep.Carry(task, stop.Token, stop.Token));
        Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted") == 1, TimeSpan.FromSeconds(20)));
        UpkeepDatabase.Execute(late, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t");
        UpkeepDatabase.Execute(gate, "SELECT pg_advisory_unlock(1)");
        Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for%'") == 1, TimeSpan.FromSeconds(20)));
        var clock = Stopwatch.StartNew();
        stop.Cancel();
        Assert.ThrowsAny<OperationCanceledException>(() => running.GetAwaiter().GetResult());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), clock.Elapsed.ToString());
        UpkeepDatabase.Execute(late, "ROLLBACK");
        Assert.All(database.Optimize(OptimizationStep.Reindex).Where(r => r.Object.Contains("_cc", StringComparison.Ordinal)), r => Assert.Equal(OptimizationStatus.Done, r.Status));
        Assert.Equal(0, database.InvalidIndexes());
    }

    [PostgresFact]
    public void What_gains_most_for_each_second_comes_first_and_the_next_run_goes_on_with_the_rest()
    {
        var database = world.NewDatabase();
        foreach (var (table, rows, share) in new[] { ("few", 50_000, 3), ("many", 5_000, 9), ("rather", 50_000, 5) })
        {
            database.Execute($"CREATE TABLE {table} AS SELECT i, repeat('x', 500) AS body FROM generate_series(1, {rows}) i");
            database.Execute($"VACUUM ANALYZE {table}");
            database.Execute($"DELETE FROM {table} WHERE i % 10 < {share}");
        }

        // Too little for either of the large ones, and enough for the small one, which gives the most for its time.
        var limit = database.Inspect().First(f => f is { Rule: "DeadRows", Object: "public.few" }).EstimatedTime!.Value * 0.9;
        Assert.Equal(
            [("public.many", OptimizationStatus.Done), ("public.rather", OptimizationStatus.Deferred), ("public.few", OptimizationStatus.Deferred)],
            Vacuum(database, limit).Select(r => (r.Object, r.Status)));
        Assert.Equal(
            [("public.rather", OptimizationStatus.Done), ("public.few", OptimizationStatus.Done)],
            Vacuum(database, null).Where(r => r.Status != OptimizationStatus.Skipped).Select(r => (r.Object, r.Status)));
        Assert.DoesNotContain(Vacuum(database, null), r => r.Status != OptimizationStatus.Skipped);
    }

    [PostgresFact]
    public void The_parts_of_a_table_are_analyzed_where_the_whole_has_no_time_and_with_it_where_it_has()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE log(at int, note text) PARTITION BY RANGE (at)");
        for (var part = 0; part < 10; part++)
        {
            database.Execute($"CREATE TABLE log{part} PARTITION OF log FOR VALUES FROM ({part * 1000}) TO ({(part + 1) * 1000})");
        }

        database.Execute("INSERT INTO log SELECT i, 'x' FROM generate_series(0, 9999) i");
        var findings = database.Inspect().Where(f => f.Action == OptimizationStep.Analyze).ToList();
        Assert.Equal(11, findings.Count);
        var one = Assert.Single(Run(database, new OptimizationRequest { Findings = [findings.First(f => f.Object == "public.log3")] }));
        Assert.Equal(("public.log3", OptimizationStatus.Done), (one.Object, one.Status));

        // Not enough for the whole, and for some of its parts.
        var few = Run(database, new OptimizationRequest { Findings = findings, TimeLimit = findings.First(f => f.Object == "public.log").EstimatedTime!.Value * 0.9 });
        Assert.Equal(("public.log", OptimizationStatus.Deferred), (few[0].Object, few[0].Status));
        Assert.Contains(few, r => r.Status == OptimizationStatus.Done);
        database.Execute("INSERT INTO log SELECT i, 'y' FROM generate_series(0, 9999) i");
        var whole = Assert.Single(Run(database, new OptimizationRequest { Steps = [OptimizationStep.Analyze] }));
        Assert.Equal(("public.log", OptimizationStatus.Done), (whole.Object, whole.Status));
        Assert.Empty(Run(database, new OptimizationRequest { Steps = [OptimizationStep.Analyze] }));
    }

    [PostgresVolumeFact]
    public void Without_room_on_the_tables_own_volume_nothing_is_rewritten()
    {
        using var volume = new FullVolume(80);
        var place = volume["space"];
        Directory.CreateDirectory(place);
        PostgresCluster.Open(place);
        using var cluster = new PostgresCluster("autovacuum = off");
        cluster.Execute($"CREATE TABLESPACE small LOCATION '{place}'");
        var database = new UpkeepDatabase(cluster, "postgres");
        database.Execute("""
            CREATE TABLE airy(id int, key text) TABLESPACE small; CREATE INDEX airy_id ON airy(id) TABLESPACE small;
            INSERT INTO airy SELECT i, repeat('x', 60) FROM generate_series(1, 150000) i;
            DELETE FROM airy WHERE id % 4 <> 0
            """);
        database.Execute("VACUUM ANALYZE airy");
        volume.FillUp(leave: 200_000);
        foreach (var step in new[] { OptimizationStep.Reindex, OptimizationStep.VacuumFull })
        {
            var refused = Assert.Single(database.Optimize(step, limits: Small));
            Assert.Equal(OptimizationStatus.Skipped, refused.Status);
            Assert.Contains("free", refused.Reason, StringComparison.Ordinal);
        }

        volume.MakeRoom();
        Assert.Equal(OptimizationStatus.Done, Assert.Single(database.Optimize(OptimizationStep.Reindex, limits: Small)).Status);
        Assert.Equal(OptimizationStatus.Done, Assert.Single(database.Optimize(OptimizationStep.VacuumFull, limits: Small)).Status);
    }

    [PostgresFact]
    public async Task What_is_dropped_under_a_rebuild_is_said_so()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE going(id int); INSERT INTO going SELECT generate_series(1, 1000);
            CREATE FUNCTION dawdle(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF current_setting(''application_name'') = ''mops'' THEN PERFORM pg_sleep(0.002); END IF; RETURN i; END';
            CREATE INDEX going_dawdle ON going(dawdle(id))
            """);
        using var upkeep = database.Upkeep();
        var task = Assert.Single(upkeep.Plan(OptimizationStep.Reindex, default));
        var running = Task.Run(() => upkeep.Carry(task, default, default));
        Assert.True(SpinWait.SpinUntil(() => database.Query<long>("SELECT count(*) FROM pg_stat_progress_create_index WHERE phase LIKE 'building%'") == 1, TimeSpan.FromSeconds(10)));
        database.Execute("DROP TABLE going");
        var result = await running;
        Assert.Equal(OptimizationStatus.Skipped, result.Status);
        Assert.Contains("dropped meanwhile", result.Reason, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void What_failed_builds_left_is_dropped_or_built_again()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t(id int); INSERT INTO t SELECT generate_series(1, 1000); INSERT INTO t VALUES (1); CREATE INDEX good ON t(id)");
        Assert.Throws<PostgresException>(() => database.Execute("CREATE UNIQUE INDEX CONCURRENTLY wanted ON t(id)"));
        Strand(database, "good");
        Assert.Equal(2, database.InvalidIndexes());
        var findings = database.Inspect().Where(f => f.Rule == "InvalidIndex").ToDictionary(f => f.Object, f => f.Sql);
        Assert.Equal("DROP INDEX CONCURRENTLY public.good_ccnew", findings["public.good_ccnew"]);
        Assert.Equal("REINDEX INDEX CONCURRENTLY public.wanted", findings["public.wanted"]);
        var results = database.Optimize(OptimizationStep.Reindex).Where(r => r.Status != OptimizationStatus.Skipped).ToDictionary(r => r.Object);
        Assert.True(results["public.good_ccnew"].Status == OptimizationStatus.Done, results["public.good_ccnew"].Reason);
        Assert.True(results["public.good_ccnew"].Reclaimed > 0);
        Assert.Equal(OptimizationStatus.Failed, results["public.wanted"].Status);
        Assert.Contains("23505", results["public.wanted"].Reason, StringComparison.Ordinal);
        Assert.Equal(1, database.InvalidIndexes());
        database.Execute("DELETE FROM t WHERE ctid = (SELECT max(ctid) FROM t)");
        Assert.Equal(OptimizationStatus.Done, Assert.Single(database.Optimize(OptimizationStep.Reindex), r => r.Object == "public.wanted").Status);
        Assert.Equal(0, database.InvalidIndexes());
    }

    [PostgresFact]
    public void The_old_copy_of_a_rebuild_is_only_dropped()
    {
        var database = world.NewDatabase();
        database.Execute("CREATE TABLE t(id int); INSERT INTO t SELECT generate_series(1, 1000); CREATE INDEX gone_ccold ON t(id); UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'gone_ccold'::regclass");
        Assert.Equal("DROP INDEX CONCURRENTLY public.gone_ccold", Assert.Single(database.Inspect(), f => f.Rule == "InvalidIndex").Sql);
        Assert.Equal(OptimizationStatus.Done, Assert.Single(database.Optimize(OptimizationStep.Reindex)).Status);
        Assert.Equal(0, database.Query<long>("SELECT count(*) FROM pg_indexes WHERE indexname LIKE 'gone%'"));
    }

    private static List<OptimizationResult> Vacuum(UpkeepDatabase database, TimeSpan? limit) => Run(database, new OptimizationRequest { Steps = [OptimizationStep.Vacuum], TimeLimit = limit });

    private static List<OptimizationResult> Run(UpkeepDatabase database, OptimizationRequest request)
    {
        var results = new List<OptimizationResult>();
        using var upkeep = database.Upkeep();
        new OptimizationRun(upkeep, request, SilentSink.Instance).Run(results.Add, default);
        return results;
    }

    private UpkeepDatabase Bloated()
    {
        var database = world.NewDatabase();
        database.Execute("""
            CREATE TABLE airy(id int, key text); CREATE INDEX airy_id ON airy(id);
            INSERT INTO airy SELECT i, repeat('x', 60) FROM generate_series(1, 80000) i;
            DELETE FROM airy WHERE id % 10 <> 0;
            """);
        database.Execute("VACUUM ANALYZE airy");
        database.Execute("DELETE FROM airy WHERE id <= 20000");
        return database;
    }

    /// <summary>Leaves the copy of an index as a rebuild does that gives up behind somebody else's old view of the rows.</summary>
    private static void Strand(UpkeepDatabase database, string index)
    {
        using var old = database.Open();
        UpkeepDatabase.Execute(old, "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM t");
        using var rebuild = database.Open();
        UpkeepDatabase.Execute(rebuild, "SET lock_timeout = '200ms'");
        Assert.Throws<PostgresException>(() => UpkeepDatabase.Execute(rebuild, $"REINDEX INDEX CONCURRENTLY {index}"));
        UpkeepDatabase.Execute(old, "ROLLBACK");
    }
}
