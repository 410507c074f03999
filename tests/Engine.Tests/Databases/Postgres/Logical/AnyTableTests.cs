using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>Tables whose rows are not simply counted and found: whatever hangs on a table and whatever it is called, it is dumped, compared and comes back.</summary>
public sealed class AnyTableTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Settings_that_pass_over_damage_or_change_values_are_not_ours()
    {
        using var cluster = new PostgresCluster("array_nulls = off");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE tags(id int, t text[], n int[]); INSERT INTO tags VALUES (1, array['a', NULL], array[1, NULL]); CREATE TABLE corr AS SELECT i, repeat('x', 500) AS t FROM generate_series(1, 200) i; ALTER DATABASE app SET zero_damaged_pages = on; ALTER DATABASE app SET array_nulls = off", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "tags", Force = true });
        Assert.True(cluster.In<bool>("app", "SELECT t[2] IS NULL AND n[2] IS NULL FROM tags"));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" });
        Assert.True(cluster.In<bool>("back", "SELECT t[2] IS NULL AND n[2] IS NULL FROM tags"));

        var file = cluster.In<string>("app", "SELECT pg_relation_filepath('corr')");
        cluster.Stop();
        using (var damaged = File.OpenWrite(Path.Combine(cluster.Data, file)))
        {
            damaged.Position = 20_000;
            damaged.Write("ZZZZZZZZ"u8);
        }

        cluster.Start();
        Assert.ThrowsAny<MaintenanceException>(() => repository.Dump(cluster, "app"));
    }

    [PostgresFact]
    public void A_role_that_a_database_sets_for_its_sessions_takes_no_rights_from_ours()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE weak");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (1); ALTER DATABASE app SET role = weak; ALTER ROLE postgres IN DATABASE app SET role = weak", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" }).Unrestored);
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "t", As = "u" }).Unrestored);
        Assert.True(repository.Drill(folder, snapshot).Passed);
        Assert.Equal(2, cluster.Query<long>("SELECT count(*) FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = 'back' AND 'role=weak' = ANY (setconfig)"));
    }

    [PostgresTheory]
    [InlineData("LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'", "select upper('\u00e4') = '\u00c4'")]
    [InlineData("LOCALE_PROVIDER icu ICU_LOCALE 'de-AT' LC_COLLATE 'C' LC_CTYPE 'C'", "select '\u00c4' < 'b'")]
    [InlineData("LC_COLLATE 'C' LC_CTYPE 'C'", "select '\u00c4' > 'b'")]
    public void A_drill_reads_and_sorts_texts_as_the_database_does(string locale, string assertion)
    {
        using var cluster = new PostgresCluster();
        cluster.Execute($"CREATE DATABASE app TEMPLATE template0 ENCODING 'UTF8' {locale}");
        Assert.True(cluster.In<bool>("app", assertion));
        cluster.Execute("CREATE TABLE t(a text); INSERT INTO t VALUES ('\u00fcber'), ('x')", "app");
        if (!locale.Contains("LC_CTYPE 'C'", StringComparison.Ordinal))
        {
            cluster.Execute("CREATE DOMAIN word AS text CHECK (value ~ '^[[:alpha:]]+$'); CREATE TABLE words(w word); INSERT INTO words SELECT a FROM t", "app");
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var test = repository.Drill(folder, snapshot, assertion);
        Assert.True(test is { Passed: true, Unproven: false, Findings: [] }, string.Join('\n', test.Findings));
    }

    [PostgresFact]
    public void Functions_in_indexes_and_statistics_neither_fail_a_dump_nor_run_in_it()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE app LOGIN");
        cluster.Execute("CREATE DATABASE app OWNER app");
        cluster.Execute(
            """
            SET ROLE app; CREATE SCHEMA app; SET search_path = app;
            CREATE TABLE words(a text); CREATE FUNCTION known(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT lower2($1)';
            """.Replace("lower2", "lower", StringComparison.Ordinal),
            "app");

        // Bodies that find nothing under another search path, inlined or not; and one that must not run as a superuser.
        cluster.Execute(
            """
            SET ROLE app; SET search_path = app;
            CREATE FUNCTION plain(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT upper($1)';
            CREATE OR REPLACE FUNCTION known(text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT plain($1)';
            CREATE FUNCTION trap() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN RAISE EXCEPTION ''runs as a superuser''; END IF; RETURN true; END';
            CREATE TABLE indexed(a text); INSERT INTO indexed SELECT i FROM generate_series(1, 40) i; CREATE INDEX by_known ON indexed(known(a));
            CREATE TABLE partial(a text); INSERT INTO partial SELECT i FROM generate_series(1, 50) i; CREATE INDEX few ON partial(a) WHERE known(a) <> 'X';
            CREATE TABLE constant(a text); INSERT INTO constant SELECT i FROM generate_series(1, 60) i; CREATE INDEX trapped ON constant(a) WHERE trap();
            CREATE TABLE counted(a text, b text); INSERT INTO counted SELECT i, i FROM generate_series(1, 70) i; CREATE STATISTICS s ON (known(a)), b FROM counted; ANALYZE counted;
            CREATE TABLE bare(); INSERT INTO bare SELECT FROM generate_series(1, 80);
            CREATE TABLE made(a int GENERATED ALWAYS AS (7) STORED); INSERT INTO made SELECT FROM generate_series(1, 90);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var warnings = new WarningSink();
        var snapshot = new PostgresDump(repository, warnings).Run(cluster.ConnectionString, new PostgresDumpOptions { AllDatabases = true }, new BackupOptions { Source = "pg" });
        var rows = repository.ReadManifest(snapshot.Id).Postgres!.Databases.Single(d => d.Name == "app").Tables.ToDictionary(t => t.Name, t => t.Rows);
        Assert.Equal([40, 50, 60, 70, 80, 90, 0], new[] { "indexed", "partial", "constant", "counted", "bare", "made", "words" }.Select(t => rows["app." + t]));
        Assert.Empty(snapshot.Unchecked);

        // A restore builds the indexes as the owner, with the path that he has.
        cluster.Execute("ALTER DATABASE app SET search_path = app");
        var again = repository.Dump(cluster, "app");
        var result = repository.PlayBack(cluster, again, new RestoreOptions { As = "back", Database = "app" });
        Assert.Equal(40, cluster.In<long>("back", "SELECT count(*) FROM indexed"));
        Assert.Equal(3, cluster.In<long>("back", "SELECT count(*) FROM pg_indexes WHERE indexname IN ('by_known', 'few', 'trapped')") + result.Unrestored.Count(u => u.Name == "INDEX app.trapped"));
        Assert.DoesNotContain(result.Unrestored, u => u.Name is "INDEX app.by_known" or "INDEX app.few");
        Assert.True(repository.Drill(folder, again) is { Damaged: false, Unproven: false });
    }

    [PostgresTheory]
    [InlineData(1)]
    [InlineData(3)]
    public void Rows_that_are_loaded_through_the_root_of_their_partitions_are_their_own(int parallel)
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE TYPE e AS ENUM ('a', 'b', 'c');
            CREATE TABLE h(k e, v int) PARTITION BY HASH (k);
            CREATE TABLE h0 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 0); CREATE TABLE h1 PARTITION OF h FOR VALUES WITH (MODULUS 2, REMAINDER 1);
            INSERT INTO h SELECT (enum_range(NULL::e))[1 + i % 3], i FROM generate_series(1, 90) i; CREATE TABLE other AS SELECT 1 AS a;
            CREATE TABLE l(k int, v e) PARTITION BY LIST (k); CREATE TABLE l1 PARTITION OF l FOR VALUES IN (1) PARTITION BY HASH (v); CREATE TABLE l1h PARTITION OF l1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
            INSERT INTO l SELECT 1, 'b' FROM generate_series(1, 7);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions { Parallel = parallel }, new BackupOptions { Source = "pg" });
        var test = repository.Drill(folder, snapshot, "select count(*) = 90 from h", "select count(*) = 7 from l1h");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back", Parallel = parallel });
        Assert.Equal(90, cluster.In<long>("back", "SELECT count(*) FROM h"));
    }

    [PostgresTheory]
    [InlineData("UTF8", 1)]
    [InlineData("UTF8", 2)]
    [InlineData("LATIN1", 1)]
    [InlineData("LATIN1", 3)]
    [InlineData("WIN1252", 1)]
    [InlineData("EUC_JP", 1)]
    [InlineData("EUC_JP", 2)]
    [InlineData("SQL_ASCII", 1)]
    [InlineData("SQL_ASCII", 2)]
    public void A_table_may_have_any_name_in_any_encoding(string encoding, int parallel)
    {
        string[] names =
        [
            "plain", "Mixed Case", "a\nb", "a\r\nb", "a\rb", "\n", "q\"q", "q\"\nCOPY x (a) FROM stdin;\n\"", "back\\slash", "\\.", "x (a) FROM stdin;", "per%cent*?", "-- TOC entry 1 (class 0 OID 1)", "$1", "it's",
            encoding == "EUC_JP" ? "日本" : "müller", encoding == "EUC_JP" ? "名\n前" : "ß\nä",
        ];
        using var cluster = new PostgresCluster();
        cluster.Execute($"CREATE DATABASE app TEMPLATE template0 ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C'");
        foreach (var (name, rows) in names.Select((n, i) => (n, i + 1)))
        {
            cluster.Execute($"CREATE TABLE {PostgresServer.Quote(name)}({PostgresServer.Quote("c" + name)} int, b text); INSERT INTO {PostgresServer.Quote(name)} SELECT i, E'\\\\.' || {PostgresServer.Literal(name)} FROM generate_series(1, {rows}) i", "app");
        }

        // Whatever its sessions use otherwise, a dump is in the database's own.
        cluster.Execute("ALTER DATABASE app SET client_encoding = 'UTF8'");
        cluster.Execute("CREATE FUNCTION text() RETURNS text LANGUAGE sql AS $$ SELECT '\nCOPY public.plain (a) FROM stdin;\n' $$", "app");
        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions { Parallel = parallel }, new BackupOptions { Source = "pg" });
        Assert.Equal(names.Select((n, i) => $"public.{n}: {i + 1}").Order(StringComparer.Ordinal), snapshot.Tables.Select(t => t.ToString()).Order(StringComparer.Ordinal));
        var test = repository.Drill(folder, snapshot);
        Assert.True(test is { Passed: true, Findings: [] }, string.Join('\n', test.Findings));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" });
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = names[^2], As = "beside" });
        Assert.Equal(names.Length - 1, cluster.In<long>("app", "SELECT count(*) FROM beside"));
        Assert.Equal(names.Length, cluster.In<long>("back", $"SELECT count(*) FROM {PostgresServer.Quote(names[^1])} WHERE b = E'\\\\.' || {PostgresServer.Literal(names[^1])}"));
    }

    [PostgresTheory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_name_may_be_bytes_that_are_no_text(int parallel)
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'");
        var bytes = cluster.ConnectionTo("app") + ";Encoding=iso-8859-1;Client Encoding=SQL_ASCII";
        PostgresCluster.Query<object>("CREATE TABLE \"m\u00fcller\"(\"\u00e4\" text, b int); INSERT INTO \"m\u00fcller\" SELECT E'\u00df\u00ff' || i, i FROM generate_series(1, 30) i; CREATE TABLE \"\u00ff\u00fe\"(\"\u00ff\" text CHECK (\"\u00ff\" <> '')); INSERT INTO \"\u00ff\u00fe\" VALUES (E'\u00ff'), ('x')", bytes);
        cluster.Execute("CREATE TABLE \"m\u00fcller\" AS SELECT generate_series(1, 40) AS a; CREATE SEQUENCE \"\u00fc\"", "app");
        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions { Parallel = parallel }, new BackupOptions { Source = "pg" });
        Assert.Equal([2, 30, 40], snapshot.Tables.Select(t => t.Rows).Order());
        var test = repository.Drill(folder, snapshot);
        Assert.True(test is { Passed: true, Findings: [] }, string.Join('\n', test.Findings));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" });
        Assert.Equal(30, PostgresCluster.Query<long>("SELECT count(*) FROM \"m\u00fcller\" WHERE \"\u00e4\" LIKE E'\u00df%'", bytes.Replace("Database=app", "Database=back", StringComparison.Ordinal)));
    }

    [PostgresFact]
    public void Tables_of_the_world_come_back_with_their_index()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE imm");
        cluster.Execute(
            """
            CREATE EXTENSION cube; CREATE EXTENSION earthdistance; CREATE EXTENSION unaccent;
            CREATE TABLE geodata(id int PRIMARY KEY, latitude float8, longitude float8); INSERT INTO geodata SELECT i, i, i FROM generate_series(1, 80) i;
            CREATE INDEX by_place ON geodata USING gist (ll_to_earth(latitude, longitude));
            CREATE FUNCTION immutable_unaccent(text) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT unaccent('unaccent', $1::text) $$;
            CREATE TABLE video(name text, slug text GENERATED ALWAYS AS (immutable_unaccent(name)) STORED); INSERT INTO video SELECT 'v' || i FROM generate_series(1, 90) i;
            CREATE INDEX by_name ON video(immutable_unaccent(name)); CREATE INDEX part ON video(name) WHERE immutable_unaccent(name) <> '';
            """,
            "imm");
        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("imm"), new PostgresDumpOptions(), new BackupOptions { Source = "pg" });
        var test = repository.Drill(folder, snapshot, "select count(*) = 90 from video where slug = name");
        Assert.True(test is { Passed: true, Findings: [] }, string.Join('\n', test.Findings));
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" }).Unrestored);
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "geodata", As = "geodata_before" });
        Assert.Equal(80, cluster.In<long>("imm", "SELECT count(*) FROM geodata_before"));
        Assert.Equal(3, cluster.In<long>("back", "SELECT count(*) FROM pg_indexes WHERE indexname IN ('by_place', 'by_name', 'part')"));
    }

    [PostgresFact]
    public void A_count_that_waits_ends_when_the_dump_has_failed()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE locked AS SELECT 1 AS a");
        using var holder = new NpgsqlConnection(cluster.ConnectionString);
        holder.Open();
        using var transaction = holder.BeginTransaction();
        using (var command = new NpgsqlCommand("LOCK TABLE locked IN ACCESS EXCLUSIVE MODE", holder))
        {
            command.ExecuteNonQuery();
        }

        using var repository = Repositories.New(folder);
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal(ErrorCode.ClientToolFailed, Assert.Throws<MaintenanceException>(() => new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionString, new PostgresDumpOptions(), new BackupOptions { Source = "pg", LockTimeout = TimeSpan.FromSeconds(1) })).Code);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"It took {watch.Elapsed}.");
        Assert.True(SpinWait.SpinUntil(() => cluster.Query<long>("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%locked%'") == 0, TimeSpan.FromSeconds(10)));
    }
}
