using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>A copy that nobody sees runs nothing, reaches nothing, and is never left behind.</summary>
public sealed class PrivateCopyTests : IDisposable
{
    private const string Active = """
        CREATE TABLE t(id int PRIMARY KEY, body text); INSERT INTO t SELECT i, 'x' FROM generate_series(1, 40) i;
        CREATE PUBLICATION "all of it" FOR ALL TABLES; CREATE PUBLICATION one FOR TABLE t;
        CREATE SUBSCRIPTION "from afar" CONNECTION 'host=192.0.2.1 dbname=x password=hidden' PUBLICATION p WITH (connect = false, slot_name = 'far_slot'); COMMENT ON SUBSCRIPTION "from afar" IS 'words';
        CREATE EXTENSION postgres_fdw; CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '192.0.2.1'); CREATE USER MAPPING FOR postgres SERVER far OPTIONS (password 'hidden'); CREATE FOREIGN TABLE remote(a int) SERVER far;
        CREATE MATERIALIZED VIEW of_remote AS SELECT * FROM remote WITH NO DATA;
        CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trigger runs'; END $$;
        CREATE EVENT TRIGGER "no changes" ON ddl_command_start EXECUTE FUNCTION stop(); COMMENT ON EVENT TRIGGER "no changes" IS 'words';
        """;

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void What_acts_on_its_own_has_no_part_in_a_drill_or_in_the_restore_of_a_table()
    {
        using var cluster = new PostgresCluster("wal_level = logical");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE DATABASE other");
        cluster.Execute(Active, "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");

        var test = repository.Drill(folder, snapshot, "select count(*) = 40 from t");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Equal(40, repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "t", Destination = "other", As = "t_before" }).RestoredRows);
        Assert.Equal(40, cluster.In<long>("other", "SELECT count(*) FROM t_before"));
        Assert.Equal(0, cluster.Leftovers("other"));

        // A whole database gets all of it back: the triggers last, and subscriptions that do not run.
        var whole = repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" });
        Assert.Empty(whole.Unrestored);
        Assert.Contains(whole.Warnings, w => w.Contains("from afar", StringComparison.Ordinal));
        Assert.Equal("far_slot false", cluster.In<string>("back", "SELECT subslotname || ' ' || subenabled FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE datname = 'back'"));
        Assert.Equal("O", cluster.In<string>("back", "SELECT evtenabled::text FROM pg_event_trigger WHERE evtname = 'no changes'"));
        Assert.Equal(2, cluster.In<long>("back", "SELECT count(*) FROM pg_publication"));
        Assert.Equal(1, cluster.In<long>("back", "SELECT count(*) FROM pg_user_mappings"));
        Assert.Throws<PostgresException>(() => cluster.Execute("CREATE TABLE more(a int)", "back"));
        Assert.Equal(0, cluster.Leftovers("back"));
    }

    [PostgresFact]
    public void What_a_killed_restore_left_goes_whatever_holds_it()
    {
        using var cluster = new PostgresCluster("wal_level = logical", "max_prepared_transactions = 5");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (1); CREATE SCHEMA mops_stage_1_1700000000000000_aabbccdd CREATE TABLE half(a int)", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        foreach (var number in Enumerable.Range(1, 6))
        {
            cluster.Execute($"CREATE DATABASE {Stale(number)}");
        }

        cluster.Execute("CREATE SUBSCRIPTION stale CONNECTION 'host=192.0.2.1 dbname=x' PUBLICATION p WITH (connect = false, slot_name = 'there')", Stale(1));
        cluster.Execute("SELECT pg_create_logical_replication_slot('held', 'pgoutput')", Stale(3));
        cluster.Execute("BEGIN; CREATE TABLE x(a int); PREPARE TRANSACTION 'half done'", Stale(2));
        cluster.Execute($"ALTER DATABASE {Stale(4)} IS_TEMPLATE true; ALTER DATABASE {Stale(4)} ALLOW_CONNECTIONS false");
        cluster.Execute($"UPDATE pg_database SET datconnlimit = -2 WHERE datname = '{Stale(5)}'");
        using var session = new NpgsqlConnection(cluster.ConnectionTo(Stale(6)));
        session.Open();

        var warnings = new WarningSink();
        Assert.Equal(1, repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "t", As = "t_before" }, warnings).RestoredRows);
        Assert.Empty(warnings.Messages);
        Assert.Equal(0, cluster.Leftovers("app"));

        static string Stale(int number) => $"mops_stage_1_1700000000000000_0011aab{number}";
    }

    [PostgresFact]
    public void A_private_server_has_the_roles_memberships_and_places_that_objects_name()
    {
        using var cluster = new PostgresCluster();
        Directory.CreateDirectory(Path.Combine(cluster.Folder, "space"));
        PostgresCluster.Open(Path.Combine(cluster.Folder, "space"));
        cluster.Execute($"CREATE TABLESPACE fast LOCATION '{cluster.Folder}/space'");
        cluster.Execute("CREATE ROLE \"Role; \"\"q\"\" x\" LOGIN PASSWORD 'hidden'; CREATE ROLE readers; CREATE ROLE reporter; GRANT readers TO reporter; CREATE ROLE boss SUPERUSER LOGIN");
        cluster.Execute("CREATE DATABASE app OWNER boss TABLESPACE fast");
        cluster.Execute("ALTER DATABASE app SET default_tablespace = fast");
        cluster.Execute(
            """
            CREATE TABLE pets(id int PRIMARY KEY) TABLESPACE fast; INSERT INTO pets SELECT generate_series(1, 30); CREATE INDEX ON pets(id) TABLESPACE fast; GRANT SELECT ON pets TO readers WITH GRANT OPTION;
            ALTER TABLE pets ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON pets TO "Role; ""q"" x" USING (true); CREATE POLICY q ON pets TO readers USING (true);
            ALTER DEFAULT PRIVILEGES FOR ROLE reporter GRANT SELECT ON TABLES TO readers; CREATE SCHEMA views AUTHORIZATION reporter;
            CREATE MATERIALIZED VIEW views.counted AS SELECT count(*) AS n FROM pets; ALTER MATERIALIZED VIEW views.counted OWNER TO reporter;
            CREATE COLLATION german (provider = icu, locale = 'de-DE'); CREATE TABLE words(w text COLLATE german); INSERT INTO words VALUES ('ä');
            CREATE FOREIGN DATA WRAPPER nothing; ALTER FOREIGN DATA WRAPPER nothing OWNER TO boss; CREATE SERVER s FOREIGN DATA WRAPPER nothing OPTIONS (x 'y');
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var test = repository.Drill(folder, snapshot, "select n = 30 from views.counted", "select count(*) = 2 from pg_policies where not roles @> '{public}'", "select has_table_privilege('reporter', 'pets', 'SELECT')");
        Assert.True(test.Passed, string.Join('\n', test.Findings));
        Assert.Empty(test.Findings);

        repository.PlayBack(cluster, snapshot, new RestoreOptions { As = "back" });
        Assert.Equal("fast", cluster.Query<string>("SELECT spcname FROM pg_database d JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE datname = 'back'"));
    }
}
