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
            CREATE INDEX "by number" ON measures(nr(unit)); CREATE TABLE scales(id int, unit text CONSTRAINT "known scale" CHECK (known(unit))); INSERT INTO scales SELECT i, 'm' FROM generate_series(1, 40) i;
            CREATE MATERIALIZED VIEW mine AS SELECT nr(name) AS n FROM units; RESET ROLE; ALTER TABLE scales OWNER TO postgres; CREATE MATERIALIZED VIEW roots AS SELECT nr(name) AS n FROM units;
            CREATE MATERIALIZED VIEW later AS SELECT * FROM units WITH NO DATA; CREATE TABLE z_last(a int); INSERT INTO z_last VALUES (1); ALTER TABLE z_last ADD CONSTRAINT plain CHECK (a > 0);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshots = new[] { 1, 3 }.ToDictionary(p => p, p => new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions { Parallel = p }, new BackupOptions { Source = "pg" }));
        foreach (var (parallel, snapshot) in snapshots)
        {
            var name = $"back{parallel}";
            var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = name, Parallel = parallel });

            Assert.Equal(["CHECK CONSTRAINT words.scales \"known scale\"", "MATERIALIZED VIEW words.roots"], result.Unrestored.Select(u => u.Name).Order(StringComparer.Ordinal));
            Assert.Equal(300, cluster.In<long>(name, "SELECT count(*) FROM words.measures"));
            Assert.Equal(40, cluster.In<long>(name, "SELECT count(*) FROM words.scales"));
            Assert.Equal(1, cluster.In<long>(name, "SELECT count(*) FROM pg_constraint WHERE conname = 'known unit' AND convalidated"));
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
            var table = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "words.scales", As = $"scales{parallel}" });
            Assert.Equal(40, cluster.In<long>("app", $"SELECT count(*) FROM words.scales{parallel}"));
            var check = table.Unrestored.Single(u => u.Name.StartsWith("CHECK", StringComparison.Ordinal));
            Assert.Equal($"ALTER TABLE words.scales{parallel} VALIDATE CONSTRAINT \"known scale\";", check.Statement);
            foreach (var missing in table.Unrestored)
            {
                cluster.Execute($"SET search_path = words; {missing.Statement}", "app");
            }

            repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "words.measures", As = $"measures{parallel}" });
            Assert.Equal(1, cluster.In<long>("app", $"SELECT count(*) FROM pg_indexes WHERE tablename = 'measures{parallel}' AND indexdef LIKE '%nr(unit)%'"));
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

        // Where anybody may create a function, none is looked for with a superuser's rights.
        cluster.Execute("GRANT CREATE ON SCHEMA public TO PUBLIC", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var failure = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" }));
        Assert.Equal(ErrorCode.VerificationFailed, failure.Code);
        Assert.Contains("public.kept", failure.Message, StringComparison.Ordinal);
        Assert.Contains("\"t\" does not exist", failure.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.VerificationFailed, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "kept", As = "kept_before" })).Code);
        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname = 'back'"));

        var forced = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "forced", Force = true });
        var lost = Assert.Single(forced.Unrestored);
        Assert.Equal("ROWS OF TABLE public.kept", lost.Name);
        Assert.Contains("SET search_path", lost.Error, StringComparison.Ordinal);
        Assert.Equal(1, cluster.In<long>("forced", "SELECT count(*) FROM t"));
        Assert.Equal(ErrorCode.VerificationFailed, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "strict", Force = true, Strict = true })).Code);

        // It cannot be proven, which says nothing against it and stops no restore.
        var test = repository.Drill(folder, snapshot);
        Assert.True(test is { Passed: false, Damaged: false, Unproven: true }, string.Join('\n', test.Findings));
        Assert.Equal(1, repository.PlayBack(cluster, new SnapshotCatalog(repository).List().Single(), new RestoreOptions { Table = "t", As = "t_before" }).RestoredRows);
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresTheory]
    [InlineData(1, "UTF8")]
    [InlineData(2, "UTF8")]
    [InlineData(1, "LATIN1")]
    public void Generated_columns_and_domains_get_the_search_path_that_they_were_made_for(int parallel, string encoding)
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE app LOGIN");
        cluster.Execute($"CREATE DATABASE app OWNER app TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        cluster.Execute($"CREATE DATABASE super TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        const string Content = """
            CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower($1)'; CREATE FUNCTION slugify(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN plain($1); END';
            CREATE TABLE "bücher"(id int PRIMARY KEY, name text, slug text NOT NULL GENERATED ALWAYS AS (slugify(name)) STORED); INSERT INTO "bücher" SELECT i, E'Ä \\ \t \n' || i FROM generate_series(1, 200) i;
            CREATE UNIQUE INDEX by_slug ON "bücher"(slugify(name));
            CREATE DOMAIN word AS text CHECK (plain(VALUE) = VALUE); CREATE FUNCTION is_plain(text) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RETURN plain($1) = $1; END'; CREATE DOMAIN low AS text CHECK (is_plain(VALUE));
            CREATE TABLE lows(a low); INSERT INTO lows SELECT 'x' || i FROM generate_series(1, 20) i; CREATE TABLE other AS SELECT 1 AS a;
            """;
        cluster.Execute("SET ROLE app; CREATE SCHEMA app; SET search_path = app; " + Content, "app");
        cluster.Execute("ALTER DATABASE app SET search_path = app");
        cluster.Execute(Content, "super");
        using var repository = Repositories.New(folder);
        foreach (var database in new[] { "app", "super" })
        {
            var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo(database), new PostgresDumpOptions { Parallel = parallel }, new BackupOptions { Source = database });
            var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = database + "2", Parallel = parallel });
            Assert.Empty(result.Unrestored);
            Assert.Equal(cluster.In<string>(database, "SELECT md5(string_agg(b::text, ';' ORDER BY id)) FROM \"bücher\" b"), cluster.In<string>(database + "2", "SELECT md5(string_agg(b::text, ';' ORDER BY id)) FROM \"bücher\" b"));
            Assert.Equal(20, cluster.In<long>(database + "2", "SELECT count(*) FROM lows"));
            Assert.Equal(1, cluster.In<long>(database + "2", "SELECT count(*) FROM pg_indexes WHERE indexname = 'by_slug'"));
            var test = repository.Drill(folder, snapshot);
            Assert.True(test is { Passed: true, Findings: [] }, string.Join('\n', test.Findings));

            // Beside live tables the path counts too, but not where others could have put a function.
            var part = database == "app" ? "app.lows" : "public.lows";
            repository.PlayBack(cluster, snapshot, new RestoreOptions { Database = database, Table = part, As = "lows_before" });
            Assert.Equal(20, cluster.In<long>(database, "SELECT count(*) FROM lows_before"));
            cluster.Execute($"GRANT CREATE ON SCHEMA {part.Split('.')[0]} TO PUBLIC", database);
            Assert.Equal(ErrorCode.VerificationFailed, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Database = database, Table = part, As = "lows_again" })).Code);
            cluster.Execute($"REVOKE CREATE ON SCHEMA {part.Split('.')[0]} FROM PUBLIC", database);
        }
    }

    [PostgresFact]
    public void Rows_that_break_a_constraint_fail_the_drill_and_are_no_damage()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE d(id int PRIMARY KEY, u int); INSERT INTO d VALUES (1, 1); CREATE UNIQUE INDEX d_u ON d(u); CREATE TABLE f(id int CONSTRAINT f_d REFERENCES d); INSERT INTO f VALUES (1)", "app");
        cluster.Execute("SET session_replication_role = replica; INSERT INTO f VALUES (7)", "app");
        cluster.Execute("SET allow_system_table_mods = on; UPDATE pg_index SET indisready = false WHERE indexrelid IN ('d_pkey'::regclass, 'd_u'::regclass)", "app");
        cluster.Execute("INSERT INTO d VALUES (1, 1)", "app");
        cluster.Execute("UPDATE pg_index SET indisready = true WHERE indexrelid IN ('d_pkey'::regclass, 'd_u'::regclass)", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var test = repository.Drill(folder, snapshot);
        Assert.True(test is { Passed: false, Damaged: false, Unproven: false, Integrity: "failed" }, string.Join('\n', test.Findings));
        Assert.Contains(test.Findings, f => f.Message.Contains("d_pkey", StringComparison.Ordinal) && f.Message.Contains("(id)=(1)", StringComparison.Ordinal) && f.Action.Contains("Test-Database", StringComparison.Ordinal));
        Assert.Contains(test.Findings, f => f.Severity == FindingSeverity.Error && f.Message.Contains("d_u", StringComparison.Ordinal));
        Assert.Contains(test.Findings, f => f.Rule == "ConstraintBroken" || f.Message.Contains("f_d", StringComparison.Ordinal));
        Assert.NotEqual(SnapshotState.Restored, new SnapshotCatalog(repository).Find(snapshot.Id).State);

        // Whoever restores it gets all the rows, and is told.
        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" });
        Assert.Contains(result.Unrestored, u => u.Name.Contains("d_pkey", StringComparison.Ordinal));
        Assert.Equal(2, cluster.In<long>("back", "SELECT count(*) FROM d"));

        // A foreign key of a part is told with the key that it does not find.
        cluster.Execute("DELETE FROM f; DELETE FROM d; REINDEX TABLE d; INSERT INTO d VALUES (1, 1); INSERT INTO f VALUES (1)", "app");
        var sound = repository.Dump(cluster, "app");
        cluster.Execute("DELETE FROM f; DELETE FROM d", "app");
        var part = repository.PlayBack(cluster, sound, new RestoreOptions { Table = "f", As = "f_before" });
        Assert.Contains("(id)=(1)", Assert.Single(part.Unrestored).Error, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void Without_their_roles_a_database_and_its_settings_are_listed_by_name()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE boss; CREATE ROLE grp; CREATE ROLE \"Set R\"; CREATE ROLE reader");
        cluster.Execute("CREATE DATABASE app OWNER boss");
        cluster.Execute("CREATE TABLE t(a int); GRANT SELECT ON t TO reader; GRANT CONNECT ON DATABASE app TO grp; ALTER ROLE \"Set R\" IN DATABASE app SET work_mem = '5MB'", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DROP DATABASE app");
        cluster.Execute("DROP ROLE boss, grp, \"Set R\", reader");
        var refused = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions()));
        Assert.All(new[] { "boss", "grp", "Set R", "reader" }, role => Assert.Contains(role, refused.Message, StringComparison.Ordinal));

        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back", Force = true });
        Assert.DoesNotContain(result.Unrestored.Select(u => u.ToString() + u.Statement).Concat(result.Warnings), text => text.Contains('\u0001', StringComparison.Ordinal));
        cluster.Execute("CREATE ROLE boss; CREATE ROLE grp; CREATE ROLE \"Set R\"; CREATE ROLE reader");
        result.Unrestored.ToList().ForEach(u => cluster.Execute(u.Statement, "back"));
        Assert.Equal("boss", cluster.Query<string>("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'back'"));
        Assert.True(cluster.Query<bool>("SELECT datacl::text LIKE '%grp=c%' FROM pg_database WHERE datname = 'back'"));
        Assert.Equal(1, cluster.Query<long>("SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = 'back'"));
        Assert.True(cluster.In<bool>("back", "SELECT has_table_privilege('reader', 't', 'SELECT')"));
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
