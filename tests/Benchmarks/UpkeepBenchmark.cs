using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;

namespace MaintenanceOps.Benchmarks;

/// <summary>A look at a server with many tables, and its upkeep against the same statements by hand.</summary>
internal sealed class UpkeepBenchmark(Options options, ResultTable table)
{
    private const int Tables = 5000;
    private const int Worked = 50;
    private const string Database = "many";

    public void Run()
    {
        if (PostgresCluster.Programs is not { } programs)
        {
            Console.WriteLine("PostgreSQL's server programs are not installed: left out.");
            return;
        }

        using var cluster = new PostgresCluster("max_locks_per_transaction = 1024", "autovacuum = off", "max_wal_size = '4GB'", "shared_buffers = '256MB'");
        cluster.Execute($"CREATE DATABASE {Database}");
        Fill(cluster);
        Inspect(cluster);
        Optimize(cluster, programs);
    }

    private static void Fill(PostgresCluster cluster)
    {
        cluster.Execute($"DO $$ BEGIN FOR i IN 1..{Tables} LOOP EXECUTE format('CREATE TABLE t%s(id int PRIMARY KEY, name text, body text, at timestamptz)', i); IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$", Database);
        cluster.Execute($"DO $$ BEGIN FOR i IN 1..{Tables} LOOP EXECUTE format('INSERT INTO t%s SELECT j, md5(j::text), repeat(''x'', 100), now() FROM generate_series(1, %s) j', i, CASE WHEN i <= {Worked} THEN 60000 ELSE 20 END); IF i % 500 = 0 THEN COMMIT; END IF; END LOOP; END $$", Database);
        cluster.Execute("VACUUM ANALYZE", Database);
        cluster.Execute("CHECKPOINT");
    }

    private void Inspect(PostgresCluster cluster)
    {
        var seconds = new List<Cost>();
        for (var round = 0; round <= options.Rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            using var upkeep = PostgresUpkeep.Open(cluster.ConnectionTo(Database), null, null, SilentSink.Instance);
            var findings = upkeep.Inspect(default).Count();
            seconds.Add(new Cost(clock.Elapsed.TotalSeconds, 0));
            Console.WriteLine($"Inspect, {Tables} tables: {clock.ElapsedMilliseconds} ms, {findings} findings");
        }

        table.Limit($"PostgreSQL, inspection of {Tables} tables, the first one", seconds[0].Seconds * 1000, "ms", 5000);
        table.Limit($"PostgreSQL, inspection of {Tables} tables", ResultTable.Median(seconds[1..], c => c.Seconds) * 1000, "ms", 5000);
    }

    private void Optimize(PostgresCluster cluster, string programs)
    {
        List<Cost> mine = [], theirs = [];
        var script = Path.Combine(options.Work, "upkeep.sql");
        File.WriteAllLines(script, [.. Names("VACUUM"), .. Names("ANALYZE")]);
        for (var round = 0; round < options.Rounds; round++)
        {
            // As for the peer: a disk that has nothing left to write from the work before.
            WearOut(cluster);
            Tool.Run("true");
            var clock = Stopwatch.StartNew();
            var done = 0;
            using (var upkeep = PostgresUpkeep.Open(cluster.ConnectionTo(Database), null, null, SilentSink.Instance))
            {
                new OptimizationRun(upkeep, new OptimizationRequest { Steps = [OptimizationStep.Vacuum, OptimizationStep.Analyze] }, SilentSink.Instance)
                    .Run(r => done += r.Status == OptimizationStatus.Done ? 1 : 0, default);
            }

            mine.Add(new Cost(clock.Elapsed.TotalSeconds, 0));
            if (done != 2 * Worked)
            {
                throw new InvalidOperationException($"{done} tasks were done, not {2 * Worked}.");
            }

            WearOut(cluster);
            theirs.Add(Tool.Run(Path.Combine(programs, "psql"), "-q", "-X", "-h", cluster.Folder, "-U", "postgres", "-d", Database, "-f", script));
        }

        table.Time($"PostgreSQL, vacuum and analysis of {Worked} of {Tables} tables, planned and measured", "the same statements by `psql`", mine, theirs, 1.3);
        Tool.Remove(script);
    }

    private static IEnumerable<string> Names(string statement) => Enumerable.Range(1, Worked).Select(i => $"{statement} t{i};");

    /// <summary>Half of the rows of each worked table die, so that there is something to do.</summary>
    private static void WearOut(PostgresCluster cluster)
    {
        cluster.Execute(string.Join(';', Enumerable.Range(1, Worked).Select(i => $"UPDATE t{i} SET body = body WHERE id % 2 = 0")), Database);
        cluster.Execute("CHECKPOINT");

        // The counters arrive when the session has ended.
        SpinWait.SpinUntil(() => cluster.Query<long>($"SELECT count(*) FROM pg_stat_activity WHERE datname = '{Database}'") == 0, TimeSpan.FromSeconds(5));
    }
}
