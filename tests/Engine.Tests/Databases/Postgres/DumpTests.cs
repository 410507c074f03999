using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres;

public sealed class DumpTests : IDisposable
{
    private const string OddName = "quoted \"ü\" name";
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Databases_are_dumped_proven_and_brought_back()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        using var repository = Repositories.New(folder);
        var first = BackUp(repository, cluster, "app", OddName);
        Assert.Equal(SnapshotKind.PostgresLogical, first.Kind);
        Assert.Equal(20000, first.Tables.Single(t => t.Name == "app.public.orders").Rows);
        Assert.Equal(3, first.Tables.Single(t => t.Name == $"{OddName}.Odd \"schema\".Täble").Rows);

        var test = repository.Drill(folder, first, "select count(*) = 20000 from orders");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Equal(20003, test.Rows);
        Assert.True(repository.Drill(folder, first, "select count(*) = 1 from orders") is { Passed: false, Damaged: false });

        // Through a prefix the programs know nothing of our environment, as in a container.
        var away = new ClientToolOptions { Prefix = ["env", "-i", $"PATH={PostgresCluster.Programs}", $"PGHOST={cluster.Folder}"] };
        var prefixed = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionString, new PostgresDumpOptions { Databases = ["app"], Tools = away }, new BackupOptions { Source = "away" });
        Assert.Equal(20000, prefixed.Tables.Single().Rows);
        Restore(repository, cluster, prefixed, new RestoreOptions { As = "away", Tools = away });
        Assert.Equal(20000, Count(cluster, "away"));

        // The same content again costs next to nothing, whatever the dump's own header says.
        Assert.InRange(BackUp(repository, cluster, "app", OddName).StoredSize, 1, first.StoredSize / 5);
        Assert.Empty(repository.Check());
    }

    [PostgresFact]
    public void A_database_that_ICU_sorts_is_sorted_by_ICU_again()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE sorted TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'sv-SE' ENCODING 'UTF8'");
        cluster.Execute("CREATE TABLE words AS SELECT unnest(ARRAY['z', 'ö', 'a']) AS word", "sorted");
        using var repository = Repositories.New(folder);
        Restore(repository, cluster, BackUp(repository, cluster, "sorted"), new RestoreOptions { As = "again" });

        Assert.Equal("i sv-SE", cluster.Query<string>("SELECT datlocprovider::text || ' ' || daticulocale FROM pg_database WHERE datname = 'again'"));
        Assert.Equal("a z ö", PostgresCluster.Query<string>("SELECT string_agg(word, ' ' ORDER BY word) FROM words", cluster.ConnectionTo("again")));
    }

    [Theory]
    [InlineData("Host=db;Database=app", "postgresql://db:5432/app")]
    [InlineData("Host=/run/postgresql;Port=5433;Database=app", "postgresql:///app?host=/run/postgresql&port=5433")]
    [InlineData("Host=::1;Database=app", "postgresql://[::1]:5432/app")]
    [InlineData("postgresql://me:secret@db/app", "postgresql://db:5432/app")]
    [InlineData("postgresql://me:secret@/app?host=/run/postgresql", "postgresql:///app?host=/run/postgresql&port=5432")]
    [InlineData("postgresql://me:secret@?host=db&dbname=app", "postgresql://db:5432/app")]
    [InlineData("postgresql:///app?host=/run/postgresql&port=5433", "postgresql:///app?host=/run/postgresql&port=5433")]
    public void A_place_is_told_as_a_URI_without_its_secret(string connection, string place) =>
        Assert.Equal(place, PostgresPlace.Of(connection, PostgresMethod.Logical).Place);

    [PostgresFact]
    public void A_live_database_is_swapped_for_the_old_one_in_one_step()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        cluster.Execute("CREATE ROLE owner; ALTER DATABASE app OWNER TO owner");
        cluster.Execute("GRANT SELECT ON orders TO owner", "app");
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository, cluster, "app");
        cluster.Execute("DELETE FROM orders WHERE id > 5", "app");

        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => Restore(repository, cluster, snapshot, new RestoreOptions())).Code);
        using (var session = new NpgsqlConnection(cluster.ConnectionTo("app")))
        {
            session.Open();
            Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => Restore(repository, cluster, snapshot, new RestoreOptions { InPlace = true })).Code);
            Assert.Equal(5, Count(cluster, "app"));
            Restore(repository, cluster, snapshot, new RestoreOptions { InPlace = true, Force = true });
        }

        Assert.Equal(20000, Count(cluster, "app"));
        Assert.Equal("owner", cluster.Query<string>("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'app'"));
        Assert.True(PostgresCluster.Query<bool>("SELECT has_table_privilege('owner', 'orders', 'SELECT')", cluster.ConnectionTo("app")));
        var kept = cluster.Query<string>("SELECT datname FROM pg_database WHERE datname LIKE 'app\\_before\\_%'");
        Assert.Equal(5, Count(cluster, kept));

        Restore(repository, cluster, snapshot, new RestoreOptions { As = "beside" });
        Assert.Equal(20000, Count(cluster, "beside"));
        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname LIKE 'mops\\_%'"));
    }

    [PostgresFact]
    public void One_table_comes_back_under_another_name_into_the_live_database()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository, cluster, "app");
        cluster.Execute("DELETE FROM orders WHERE id > 5", "app");

        var result = Restore(repository, cluster, snapshot, new RestoreOptions { Table = "orders", As = "orders_before" });
        Assert.Equal(20000, result.RestoredRows);
        Assert.Equal(5, Count(cluster, "app"));
        Assert.Equal(20000, PostgresCluster.Query<long>("SELECT count(*) FROM orders_before", cluster.ConnectionTo("app")));
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => Restore(repository, cluster, snapshot, new RestoreOptions { Table = "orders", As = "orders_before" })).Code);
        Assert.Equal(ErrorCode.ItemNotFound, Assert.Throws<MaintenanceException>(() => Restore(repository, cluster, snapshot, new RestoreOptions { Table = "oders" })).Code);

        // With its primary key, and a whole schema the same way.
        Assert.Equal("orders_before_pkey", PostgresCluster.Query<string>("SELECT indexname FROM pg_indexes WHERE tablename = 'orders_before'", cluster.ConnectionTo("app")));
        Restore(repository, cluster, snapshot, new RestoreOptions { Schema = "public", As = "public_before" });
        Assert.Equal(20000, PostgresCluster.Query<long>("SELECT count(*) FROM public_before.orders", cluster.ConnectionTo("app")));
        Assert.Equal(19900, PostgresCluster.Query<long>("SELECT count(*) FROM public_before.large", cluster.ConnectionTo("app")));
        Assert.Equal(0, cluster.Query<long>("SELECT count(*) FROM pg_database WHERE datname LIKE 'mops\\_%'"));
    }

    [PostgresFact]
    public void Several_programs_at_once_dump_and_restore_all_that_one_does()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        cluster.Execute("CREATE TABLE second AS SELECT i AS id, md5(i::text) AS body FROM generate_series(1, 9000) i; CREATE TABLE third(id int references orders); INSERT INTO third SELECT i FROM generate_series(1, 500) i; CREATE SEQUENCE counter START 42; SELECT nextval('counter'); SELECT lo_from_bytea(0, 'a large object'); CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM orders; CREATE INDEX ON second(body)", "app");
        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionString, new PostgresDumpOptions { Databases = ["app"], Parallel = 3 }, new BackupOptions { Source = "pg" });
        Assert.Equal(29500, snapshot.Tables.Sum(t => t.Rows));
        Assert.Equal(4, new SnapshotItems(repository).List(snapshot, ["*.dump"]).Count());
        Assert.True(repository.Drill(folder, snapshot, "select count(*) = 9000 from second", "select n = 20000 from seen").Passed);

        foreach (var (parallel, name) in new[] { (1, "one"), (3, "three") })
        {
            Restore(repository, cluster, snapshot, new RestoreOptions { As = name, Parallel = parallel });
            Same(name);
        }

        Restore(repository, cluster, BackUp(repository, cluster, "app"), new RestoreOptions { As = "spooled", Parallel = 2 });
        Same("spooled");
        Restore(repository, cluster, snapshot, new RestoreOptions { Table = "second", As = "second_before" });
        Assert.Equal(1, PostgresCluster.Query<long>("SELECT count(*) FROM pg_indexes WHERE tablename = 'second_before'", cluster.ConnectionTo("app")));

        void Same(string name)
        {
            Assert.Equal(20000, Count(cluster, name));
            Assert.Equal(43, PostgresCluster.Query<long>("SELECT nextval('counter')", cluster.ConnectionTo(name)));
            Assert.Equal(1, PostgresCluster.Query<long>("SELECT count(*) FROM pg_largeobject", cluster.ConnectionTo(name)));
            Assert.Equal(20000, PostgresCluster.Query<long>("SELECT n FROM seen", cluster.ConnectionTo(name)));
            Assert.Equal(3, PostgresCluster.Query<long>("SELECT count(*) FROM pg_constraint WHERE conrelid::regclass::text IN ('orders', 'third') AND contype IN ('p', 'f') OR conname = 'x'", cluster.ConnectionTo(name)) + 1);
        }
    }

    [PostgresFact]
    public void A_database_keeps_its_rights_and_settings_and_missing_roles_are_named_first()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        cluster.Execute("CREATE ROLE reader LOGIN; CREATE ROLE owner; ALTER DATABASE app OWNER TO owner; REVOKE CONNECT ON DATABASE app FROM PUBLIC; GRANT CONNECT ON DATABASE app TO reader; ALTER DATABASE app SET search_path = app, public; ALTER DATABASE app SET work_mem = '9MB'; ALTER ROLE reader IN DATABASE app SET statement_timeout = '5s'");
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository, cluster, "app");
        Restore(repository, cluster, snapshot, new RestoreOptions { As = "copy" });
        Assert.Equal("9MB", PostgresCluster.Query<string>("SHOW work_mem", cluster.ConnectionTo("copy")));
        Assert.Equal("app, public", PostgresCluster.Query<string>("SHOW search_path", cluster.ConnectionTo("copy")));
        Assert.True(cluster.Query<bool>("SELECT has_database_privilege('reader', 'copy', 'CONNECT')"));
        Assert.False(cluster.Query<bool>("SELECT EXISTS (SELECT FROM pg_database, aclexplode(datacl) a WHERE datname = 'copy' AND a.grantee = 0 AND a.privilege_type = 'CONNECT')"));
        Assert.Equal("owner", cluster.Query<string>("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'copy'"));

        using var other = new PostgresCluster();
        var missing = Assert.Throws<MaintenanceException>(() => Restore(repository, other, snapshot, new RestoreOptions()));
        Assert.Contains("owner, reader", missing.Message, StringComparison.Ordinal);
        Assert.Equal(0, other.Query<long>("SELECT count(*) FROM pg_database WHERE datname = 'app' OR datname LIKE 'mops%'"));
    }

    [PostgresFact]
    public void What_a_killed_restore_left_on_the_server_goes_and_what_a_running_one_has_stays()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        using var repository = Repositories.New(folder);
        var snapshot = BackUp(repository, cluster, "app");
        using var session = new NpgsqlConnection(cluster.ConnectionString);
        session.Open();
        using var command = new NpgsqlCommand("SELECT pid || '_' || (extract(epoch FROM backend_start) * 1000000)::bigint FROM pg_stat_activity WHERE pid = pg_backend_pid()", session);
        var alive = (string)command.ExecuteScalar()!;
        cluster.Execute($"CREATE DATABASE mops_stage_{alive}_0011aabb");
        cluster.Execute("CREATE DATABASE mops_stage_1_1700000000000000_0011aabb");
        Restore(repository, cluster, snapshot, new RestoreOptions { As = "copy" });
        Assert.Equal($"mops_stage_{alive}_0011aabb", cluster.Query<string>("SELECT string_agg(datname, ', ') FROM pg_database WHERE datname LIKE 'mops%'"));
    }

    [PostgresFact]
    public void A_snapshot_of_much_less_than_the_one_before_says_so()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        cluster.Execute("CREATE TABLE extra(id int)", "app");
        using var repository = Repositories.New(folder);
        Assert.Empty(BackUp(repository, cluster, "app").Warnings);
        cluster.Execute("DROP TABLE extra; DELETE FROM orders WHERE id > 100", "app");
        var warnings = string.Join('\n', BackUp(repository, cluster, "app").Warnings);
        Assert.Contains("public.extra", warnings, StringComparison.Ordinal);
        Assert.Contains("had 20000 rows at the snapshot before and has 100 now", warnings, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void A_dump_that_is_not_whole_is_no_snapshot()
    {
        using var cluster = new PostgresCluster();
        Fill(cluster);
        cluster.Execute("CREATE ROLE weak LOGIN");
        using var repository = Repositories.New(folder);

        // A user without rights on a table, a dump that ends half-way with a good exit code, one of no byte, an old client.
        Refused($"{cluster.ConnectionTo("app").Replace("Username=postgres", "Username=weak", StringComparison.Ordinal)}", new ClientToolOptions(), ErrorCode.ClientToolFailed);
        Refused(cluster.ConnectionTo("app"), Fake("pg_dump", "exec \"$REAL/pg_dump\" \"$@\" | head -c 300000"), ErrorCode.ClientToolFailed);
        Refused(cluster.ConnectionTo("app"), Fake("pg_dump", "exit 0"), ErrorCode.ClientToolFailed);
        var old = Refused(cluster.ConnectionTo("app"), Fake("pg_dump", "exit 0", "9.6"), ErrorCode.ClientToolUnfit);
        Assert.Contains("older", old.Message, StringComparison.Ordinal);
        Assert.Empty(new SnapshotCatalog(repository).List());
        Assert.Empty(repository.Store.List("leases/"));

        MaintenanceException Refused(string connection, ClientToolOptions tools, ErrorCode code)
        {
            var error = Assert.Throws<MaintenanceException>(() => new PostgresDump(repository, SilentSink.Instance).Run(connection, new PostgresDumpOptions { Tools = tools }, new BackupOptions { Source = "pg" }));
            Assert.Equal(code, error.Code);
            return error;
        }
    }

    private static void Fill(PostgresCluster cluster)
    {
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute($"CREATE DATABASE \"{OddName.Replace("\"", "\"\"", StringComparison.Ordinal)}\"");
        cluster.Execute("CREATE TABLE orders(id int primary key, body text); INSERT INTO orders SELECT i, md5(i::text) || E'\\n\\\\.\\t' FROM generate_series(1, 20000) i; CREATE VIEW large AS SELECT * FROM orders WHERE id > 100", "app");
        cluster.Execute("CREATE SCHEMA \"Odd \"\"schema\"; CREATE TABLE \"Odd \"\"schema\".\"Täble\"(a int); INSERT INTO \"Odd \"\"schema\".\"Täble\" VALUES (1), (2), (3)".Replace("\"Odd \"\"schema\"", "\"Odd \"\"schema\"\"\"", StringComparison.Ordinal), OddName);
    }

    /// <summary>The real programs, with one of them replaced by a script.</summary>
    private ClientToolOptions Fake(string program, string script, string? version = null)
    {
        var programs = Directory.CreateDirectory(folder[Guid.NewGuid().ToString("N")]).FullName;
        foreach (var real in new[] { "pg_dump", "pg_restore", "pg_dumpall" })
        {
            File.CreateSymbolicLink(Path.Combine(programs, real), Path.Combine(PostgresCluster.Programs!, real));
        }

        var path = Path.Combine(programs, program);
        File.Delete(path);
        File.WriteAllText(path, $"#!/bin/sh\nREAL='{PostgresCluster.Programs}'\n[ \"$1\" = --version ] && {{ {(version is null ? "exec \"$REAL/pg_dump\" --version" : $"echo pg_dump {version}; exit 0")}; }}\n{script}\n");
#pragma warning disable CA1416 // Scripts like this one are for Unix, and so is the fixture.
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
#pragma warning restore CA1416
        return new ClientToolOptions { Path = programs };
    }

    private static Snapshot BackUp(Repository repository, PostgresCluster cluster, params string[] databases) =>
        new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionString, new PostgresDumpOptions { Databases = databases }, new BackupOptions { Source = "pg" });

    private static RestoreResult Restore(Repository repository, PostgresCluster cluster, Snapshot snapshot, RestoreOptions options) =>
        new SnapshotRestore(repository, SilentSink.Instance).Run(snapshot, options with { ConnectionString = cluster.ConnectionString });

    private static long Count(PostgresCluster cluster, string database) => PostgresCluster.Query<long>("SELECT count(*) FROM orders", cluster.ConnectionTo(database));
}
