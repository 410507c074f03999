using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Sqlite.Upkeep;

/// <summary>What is said about indexes and statistics, by real schemas.</summary>
public sealed class IndexRuleTests : IDisposable
{
    private readonly UpkeepWorld world = new();

    public void Dispose() => world.Dispose();

    [Fact]
    public void Foreign_keys_without_an_index_come_with_the_statement_that_makes_one()
    {
        world.Create($"""
            PRAGMA foreign_keys = OFF;
            CREATE TABLE users(id INTEGER PRIMARY KEY, a INT, b INT, UNIQUE(a, b));
            CREATE TABLE "odd ""notes"(id INTEGER PRIMARY KEY, "user id" INT REFERENCES users, x INT, y INT, FOREIGN KEY(x, y) REFERENCES users(a, b));
            CREATE TABLE served(id INTEGER PRIMARY KEY REFERENCES users, p INT REFERENCES users, q INT REFERENCES users, x INT, y INT, FOREIGN KEY(x, y) REFERENCES users(a, b));
            CREATE INDEX served_p ON served(p, q);
            CREATE INDEX served_q ON served(q) WHERE q IS NOT NULL;
            CREATE INDEX served_yx ON served(y, x);
            CREATE TABLE small(id INTEGER PRIMARY KEY, u INT REFERENCES users);
            {UpkeepWorld.Numbers(12000)} INSERT INTO "odd ""notes" SELECT i, 1, 1, 1 FROM n;
            {UpkeepWorld.Numbers(12000)} INSERT INTO served SELECT i, 1, 1, 1, 1 FROM n;
            """);
        var findings = world.Find("ForeignKeyIndex");
        Assert.Equal(2, findings.Count);
        Assert.All(findings, f => Assert.Equal(("odd \"notes", FindingSeverity.Warning, null), (f.Object, f.Severity, f.Action)));

        // The statements are right, take about the room that was told, and afterwards there is nothing to say.
        var before = world.Length;
        world.Create(string.Join(';', findings.Select(f => f.Sql)));
        var took = world.Length - before;
        Assert.InRange(findings.Sum(f => f.EstimatedSpace)!.Value, took / 2, took * 2);
        Assert.All(findings, f => Assert.True(f.EstimatedTime > TimeSpan.Zero));
        Assert.Empty(world.Find("ForeignKeyIndex"));
    }

    [Fact]
    public void Superfluous_indexes_come_with_the_statement_that_drops_them()
    {
        world.Create("""
            CREATE TABLE t(a, b, c TEXT UNIQUE);
            CREATE INDEX ab ON t(a, b);
            CREATE INDEX "ab""2" ON t("a", [b]);
            CREATE INDEX just_a ON t(a);
            CREATE INDEX a_descending ON t(a DESC);
            CREATE INDEX a_nocase ON t(a COLLATE NOCASE);
            CREATE INDEX c_again ON t(c);
            CREATE UNIQUE INDEX a_unique ON t(a);
            CREATE INDEX some ON t(a) WHERE b > 'A';
            CREATE INDEX some_same ON t(a)  /* once more */  where  B>'A';
            CREATE INDEX some_other ON t(a) WHERE b > 'a';
            CREATE INDEX lower_b ON t(lower(b));
            CREATE INDEX lower_b2 ON t( LOWER("b") );
            CREATE INDEX upper_b ON t(upper(b));
            """);
        var findings = world.Find("DuplicateIndex");
        Assert.Equal(["ab\"2", "c_again", "just_a", "lower_b2", "some_same"], findings.Select(f => f.Object).Order(StringComparer.Ordinal));
        Assert.All(findings, f => Assert.Null(f.Action));
        world.Create(string.Join(';', findings.Select(f => f.Sql)));
        Assert.Empty(world.Find("DuplicateIndex"));
    }

    [Fact]
    public void An_index_that_is_the_beginning_of_another_is_information()
    {
        world.Create("CREATE TABLE t(a, b); CREATE INDEX ab ON t(a, b); CREATE INDEX just_a ON t(a)");
        Assert.Equal((FindingSeverity.Information, "DROP INDEX \"just_a\""), Assert.Single(world.Find("DuplicateIndex")) is var f ? (f.Severity, f.Sql) : default);
    }

    [Fact]
    public void An_index_that_hardly_selects_is_told()
    {
        world.Create($"CREATE TABLE t(id INTEGER PRIMARY KEY, kind, name); {UpkeepWorld.Numbers(12000)} INSERT INTO t SELECT i, 'x', 'name ' || i FROM n; CREATE INDEX t_kind ON t(kind); CREATE INDEX t_name ON t(name); ANALYZE");
        var finding = Assert.Single(world.Find("UnselectiveIndex"));
        Assert.Equal(("t_kind", FindingSeverity.Information, 1.0), (finding.Object, finding.Severity, finding.Ratio));
    }

    [Fact]
    public void A_database_that_was_never_analysed_is_analysed_once()
    {
        SampleDatabase.Create(world.Database, 3000);
        var finding = Assert.Single(world.Find("StaleStatistics"));
        Assert.Equal((OptimizationStep.Analyze, ""), (finding.Action!.Value, finding.Object));
        Assert.Equal(OptimizationStatus.Done, Assert.Single(world.Optimize(new OptimizationRequest { Findings = [finding] })).Status);
        Assert.Empty(world.Find("StaleStatistics"));
        Assert.Equal(OptimizationStatus.Skipped, world.Optimize(OptimizationStep.Analyze).Status);
        Assert.Equal(OptimizationStatus.Done, world.Optimize(OptimizationStep.Analyze, force: true).Status);
    }

    [Fact]
    public void Tables_that_grew_or_shrank_tenfold_are_analysed_again_and_the_others_are_not()
    {
        world.Create($"""
            CREATE TABLE "gr""own"(id INTEGER PRIMARY KEY, a INT); CREATE INDEX "gr""own_a" ON "gr""own"(a);
            CREATE TABLE shrunk(id INTEGER PRIMARY KEY, a INT); CREATE INDEX shrunk_a ON shrunk(a);
            CREATE TABLE queue(rowid INT, a INT); CREATE INDEX queue_a ON queue(a);
            CREATE TABLE bare(k TEXT PRIMARY KEY, a INT) WITHOUT ROWID;
            {UpkeepWorld.Numbers(2000)} INSERT INTO "gr""own" SELECT i, i FROM n;
            {UpkeepWorld.Numbers(2000)} INSERT INTO bare SELECT i, i FROM n;
            {UpkeepWorld.Numbers(40000)} INSERT INTO shrunk SELECT i, i FROM n;
            {UpkeepWorld.Numbers(40000)} INSERT INTO queue SELECT i, i FROM n;
            DELETE FROM queue WHERE a < 36000;
            ANALYZE;
            {UpkeepWorld.Numbers(40000)} INSERT INTO "gr""own" SELECT i + 5000, i FROM n;
            DELETE FROM shrunk WHERE id > 500;
            """);
        var findings = world.Find("StaleStatistics");
        Assert.Equal(["gr\"own", "shrunk"], findings.Select(f => f.Object).Order(StringComparer.Ordinal));
        var results = world.Optimize(new OptimizationRequest { Findings = findings });
        Assert.Equal(["ANALYZE \"gr\"\"own\"", "ANALYZE \"shrunk\""], results.Select(r => r.Sql).Order(StringComparer.Ordinal));
        Assert.All(results, r => Assert.Equal(OptimizationStatus.Done, r.Status));
        Assert.Empty(world.Find("StaleStatistics"));
    }

    [Fact]
    public void Indexes_are_rebuilt_only_by_force()
    {
        world.Create("CREATE TABLE t(a UNIQUE, b); CREATE INDEX \"odd \"\"one\" ON t(b); CREATE TABLE w(k PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO t VALUES(1, 2)");
        var request = new OptimizationRequest { Steps = [OptimizationStep.Reindex] };
        Assert.All(world.Optimize(request), r => Assert.Equal(OptimizationStatus.Skipped, r.Status));
        var forced = world.Optimize(request with { Force = true });
        Assert.Equal(["odd \"one", "sqlite_autoindex_t_1"], forced.Select(r => r.Object).Order(StringComparer.Ordinal));
        Assert.All(forced, r => Assert.Equal(OptimizationStatus.Done, r.Status));
    }

    [Fact]
    public void A_step_of_another_engine_is_refused()
    {
        SampleDatabase.Create(world.Database);
        var error = Assert.Throws<MaintenanceException>(() => world.Optimize(OptimizationStep.VacuumFull));
        Assert.Equal(ErrorCode.InvalidArgument, error.Code);
        Assert.Contains("Vacuum", error.Message, StringComparison.Ordinal);
    }
}
