using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>An object that the server refuses does not cost the rest; rows do.</summary>
public sealed class RefusedObjectTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Functions_that_name_things_without_their_schema_cost_no_rows()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE app LOGIN");
        cluster.Execute("CREATE DATABASE app OWNER app");
        cluster.Execute("ALTER DATABASE app SET search_path = words, public");
        cluster.Execute(
            """
            CREATE SCHEMA words AUTHORIZATION app; SET ROLE app; SET search_path = words;
            CREATE TABLE units(name text PRIMARY KEY); INSERT INTO units VALUES ('m'), ('kg');
            CREATE FUNCTION known(text) RETURNS boolean LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM units WHERE name = $1)';
            CREATE FUNCTION nr(text) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN (SELECT count(*) FROM units WHERE name <= $1); END';
            CREATE TABLE measures(id int PRIMARY KEY, unit text CONSTRAINT "known unit" CHECK (known(unit))); INSERT INTO measures SELECT i, 'm' FROM generate_series(1, 300) i;
            CREATE INDEX "by number" ON measures(nr(unit));
            CREATE MATERIALIZED VIEW mine AS SELECT nr(name) AS n FROM units; RESET ROLE; CREATE MATERIALIZED VIEW roots AS SELECT nr(name) AS n FROM units;
            CREATE MATERIALIZED VIEW later AS SELECT * FROM units WITH NO DATA; CREATE TABLE z_last(a int); INSERT INTO z_last VALUES (1); ALTER TABLE z_last ADD CONSTRAINT plain CHECK (a > 0);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshots = new[] { 1, 3 }.ToDictionary(p => p, p => new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions { Parallel = p }, new BackupOptions { Source = "pg" }));
        foreach (var (parallel, snapshot) in snapshots)
        {
            var name = $"back{parallel}";
            var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = name, Parallel = parallel });

            Assert.Equal(["CHECK CONSTRAINT words.measures \"known unit\"", "MATERIALIZED VIEW words.roots"], result.Unrestored.Select(u => u.Name).Order(StringComparer.Ordinal));
            Assert.Equal(300, cluster.In<long>(name, "SELECT count(*) FROM words.measures"));
            Assert.Equal(2, cluster.In<long>(name, "SELECT count(*) FROM words.mine"));
            Assert.Equal("by number,measures_pkey", cluster.In<string>(name, "SELECT string_agg(indexname, ',' ORDER BY indexname) FROM pg_indexes WHERE tablename = 'measures'"));
            Assert.False(cluster.In<bool>(name, "SELECT relispopulated FROM pg_class WHERE relname = 'later'"));
            foreach (var missing in result.Unrestored)
            {
                cluster.Execute(missing.Statement, name);
            }

            Assert.Equal(2, cluster.In<long>(name, "SELECT count(*) FROM words.roots"));

            // The snapshot is good, and says what a private server cannot do with it.
            var test = repository.Drill(folder, snapshot, "select count(*) = 300 from words.measures");
            Assert.True(test is { Passed: true, Damaged: false, Unproven: false }, string.Join('\n', test.Findings));
            Assert.Contains(test.Findings, f => f.Severity == FindingSeverity.Warning);

            Assert.Equal(ErrorCode.RestoreIncomplete, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "strict", Strict = true })).Code);
            var table = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "words.measures", As = $"measures{parallel}" });
            Assert.Equal(300, cluster.In<long>("app", $"SELECT count(*) FROM words.measures{parallel}"));
            var check = table.Unrestored.Single(u => u.Name.StartsWith("CHECK", StringComparison.Ordinal));
            Assert.Equal($"ALTER TABLE words.measures{parallel} VALIDATE CONSTRAINT \"known unit\";", check.Statement);
            Assert.Equal(check, Assert.Single(table.Unrestored));
            Assert.Equal(1, cluster.In<long>("app", $"SELECT count(*) FROM pg_indexes WHERE tablename = 'measures{parallel}' AND indexdef LIKE '%nr(unit)%'"));
            cluster.Execute($"SET search_path = words; {check.Statement}", "app");
        }

        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname = 'strict'"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresFact]
    public void Rows_that_do_not_arrive_are_a_failure_and_never_a_footnote()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t(n int); INSERT INTO t VALUES (1); CREATE FUNCTION few(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 <= (SELECT max(n) FROM t)'; CREATE DOMAIN small AS int CHECK (few(VALUE)); CREATE TABLE kept(a small); INSERT INTO kept VALUES (1), (0)", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var failure = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" }));
        Assert.Equal(ErrorCode.VerificationFailed, failure.Code);
        Assert.Contains("public.kept", failure.Message, StringComparison.Ordinal);
        Assert.Contains("\"t\" does not exist", failure.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.VerificationFailed, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "kept", As = "kept_before" })).Code);
        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname = 'back'"));

        // It cannot be proven, which says nothing against it and stops no restore.
        var test = repository.Drill(folder, snapshot);
        Assert.True(test is { Passed: false, Damaged: false, Unproven: true }, string.Join('\n', test.Findings));
        Assert.Equal(1, repository.PlayBack(cluster, new SnapshotCatalog(repository).List().Single(), new RestoreOptions { Table = "t", As = "t_before" }).RestoredRows);
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [ExtensionFact]
    public void An_extension_that_the_server_does_not_offer_costs_only_what_needs_it()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        using var repository = Repositories.New(folder);
        Snapshot snapshot;
        using (ExtensionFactAttribute.Install("mops_gone"))
        {
            cluster.Execute("CREATE TABLE orders(id int); INSERT INTO orders SELECT generate_series(1, 50); CREATE EXTENSION mops_gone; CREATE VIEW answers AS SELECT mops_test_answer() AS a", "app");
            snapshot = repository.Dump(cluster, "app");
        }

        Assert.Equal(ErrorCode.RestoreIncomplete, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { InPlace = true, Force = true, Strict = true })).Code);
        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { InPlace = true, Force = true });
        Assert.Contains(result.Unrestored, u => u.Name.StartsWith("EXTENSION mops_gone", StringComparison.Ordinal));
        Assert.Contains(result.Unrestored, u => u.Name == "VIEW public.answers" && u.Statement.StartsWith("CREATE VIEW", StringComparison.Ordinal));
        Assert.Equal(50, cluster.In<long>("app", "SELECT count(*) FROM orders"));
        var test = repository.Drill(folder, snapshot);
        Assert.True(test is { Passed: true, Damaged: false }, string.Join('\n', test.Findings));
    }
}
