using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>What a part needs and no tie in the catalog shows comes along, or is told.</summary>
public sealed class PartNeedsTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Large_objects_that_the_rows_name_come_along_where_they_are_missing()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE clerk LOGIN");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE EXTENSION lo; CREATE DOMAIN mine AS lo; CREATE SCHEMA app; CREATE TABLE app.img(id int, pic lo, "Old one" oid, more mine[]);
            INSERT INTO app.img SELECT 1, lo_from_bytea(0, '\x01'), lo_from_bytea(0, decode(repeat('ab', 9000000), 'hex')), ARRAY[lo_from_bytea(0, '\x03')::oid::lo::mine, NULL];
            INSERT INTO app.img VALUES (2, lo_from_bytea(0, '\x04'), 4000000000, NULL), (3, NULL, 0, '{}'); SELECT lo_from_bytea(0, '\x99');
            DO $$ BEGIN EXECUTE 'ALTER LARGE OBJECT ' || (SELECT pic FROM app.img WHERE id = 1) || ' OWNER TO clerk'; EXECUTE 'GRANT SELECT ON LARGE OBJECT ' || (SELECT pic FROM app.img WHERE id = 1) || ' TO PUBLIC'; END $$;
            """,
            "app");
        using var repository = Repositories.New(folder);
        foreach (var parallel in new[] { 1, 2 })
        {
            var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions { Parallel = parallel }, new BackupOptions { Source = "pg" });
            cluster.Execute("SELECT lo_unlink(oid) FROM pg_largeobject_metadata; DELETE FROM app.img", "app");

            var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "app.img", Force = true });
            Assert.Empty(result.Unrestored);
            Assert.Contains(result.Warnings, w => w.StartsWith("4 large objects", StringComparison.Ordinal));
            Assert.Equal("01 9000000 03", cluster.In<string>("app", "SELECT encode(lo_get(pic), 'hex') || ' ' || length(lo_get(\"Old one\")) || ' ' || encode(lo_get(more[1]), 'hex') FROM app.img WHERE id = 1"));
            Assert.Equal(4, cluster.In<long>("app", "SELECT count(*) FROM pg_largeobject_metadata"));
            Assert.Equal("clerk {clerk=rw/clerk,=r/clerk}", cluster.In<string>("app", "SELECT pg_get_userbyid(lomowner) || ' ' || lomacl::text FROM pg_largeobject_metadata m JOIN app.img i ON i.pic = m.oid WHERE i.id = 1"));
        }

        // One that has another content now may be somebody else's, so it stays and is told.
        var last = new SnapshotCatalog(repository).List()[0];
        cluster.Execute("SELECT lo_put(pic, 0, '\\x77') FROM app.img WHERE id = 1", "app");
        Assert.StartsWith("LARGE OBJECT", Assert.Single(repository.PlayBack(cluster, last, new RestoreOptions { Table = "app.img", As = "then" }).Unrestored).Name, StringComparison.Ordinal);

        // A part that does not come leaves none behind.
        cluster.Execute("SELECT lo_unlink(pic) FROM app.img; CREATE TABLE uses(img app.img)", "app");
        Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, last, new RestoreOptions { Table = "app.img", Force = true }));
        Assert.Equal(2, cluster.In<long>("app", "SELECT count(*) FROM pg_largeobject_metadata"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresFact]
    public void A_sequence_that_only_a_functions_words_name_comes_along()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE FUNCTION timestamp_id(table_name text) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN 1000 + nextval(''public.'' || table_name || ''_id_seq''); END';
            CREATE SEQUENCE statuses_id_seq; CREATE SEQUENCE "Ticket no."; CREATE SEQUENCE unused; CREATE SEQUENCE late;
            CREATE FUNCTION next_ticket() RETURNS int LANGUAGE sql AS 'SELECT nextval(''public."Ticket no."'')::int'; CREATE FUNCTION give() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.ticket = public.next_ticket(); RETURN new; END';
            CREATE TABLE statuses(id bigint PRIMARY KEY DEFAULT timestamp_id('statuses'), ticket int, late int DEFAULT nextval('public.late'::text)); CREATE TRIGGER given BEFORE INSERT ON statuses FOR EACH ROW EXECUTE FUNCTION give();
            INSERT INTO statuses SELECT FROM generate_series(1, 5);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DROP TABLE statuses; DROP SEQUENCE statuses_id_seq, \"Ticket no.\", unused, late", "app");

        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "statuses" });
        Assert.Empty(result.Unrestored);
        Assert.Equal("1006 6 6", cluster.In<string>("app", "INSERT INTO statuses DEFAULT VALUES RETURNING id || ' ' || ticket || ' ' || late"));
        Assert.True(cluster.In<bool>("app", "SELECT to_regclass('unused') IS NULL"));

        // One that was made again from its beginning is set forward.
        cluster.Execute("DROP TABLE statuses; DROP SEQUENCE statuses_id_seq; CREATE SEQUENCE statuses_id_seq", "app");
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "statuses" });
        Assert.Equal(1006, cluster.In<long>("app", "INSERT INTO statuses DEFAULT VALUES RETURNING id"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresFact]
    public void What_stands_in_the_way_is_named_and_nothing_else()
    {
        using var cluster = new PostgresCluster("max_prepared_transactions = 4");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (1)", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("BEGIN; INSERT INTO t VALUES (2); PREPARE TRANSACTION 'left over'", "app");
        var busy = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "t", Force = true }));
        Assert.Equal(ErrorCode.DestinationInUse, busy.Code);
        Assert.Contains("(left over)", busy.Message, StringComparison.Ordinal);
        cluster.Execute("ROLLBACK PREPARED 'left over'", "app");

        cluster.Execute("CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no changes here''; END'; CREATE EVENT TRIGGER frozen ON ddl_command_start EXECUTE FUNCTION no()", "app");
        var warnings = new WarningSink();
        var refused = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "t", Force = true }, warnings));
        Assert.Contains("no changes here", refused.Message, StringComparison.Ordinal);
        Assert.Empty(warnings.Messages);
        cluster.Execute("DROP EVENT TRIGGER frozen", "app");
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresTheory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_database_comes_back_with_its_comment_its_limit_and_as_a_template(bool inPlace)
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE reader");
        foreach (var statement in new[] { "CREATE DATABASE app", "COMMENT ON DATABASE app IS 'it''s a \\ shop'", "ALTER DATABASE app IS_TEMPLATE true", "ALTER DATABASE app CONNECTION LIMIT 7", "ALTER DATABASE app SET work_mem = '8MB'", "REVOKE CONNECT ON DATABASE app FROM PUBLIC", "GRANT CREATE ON DATABASE app TO reader" })
        {
            cluster.Execute(statement);
        }

        using var repository = Repositories.New(folder);
        var snapshot = new PostgresDump(repository, SilentSink.Instance).Run(cluster.ConnectionTo("app"), new PostgresDumpOptions(), new BackupOptions { Source = "pg" });
        var (name, options) = inPlace ? ("app", new RestoreOptions { InPlace = true }) : ("back", new RestoreOptions { As = "back" });
        Assert.DoesNotContain(repository.PlayBack(cluster, snapshot, options).Warnings, w => w.Contains("could not be applied", StringComparison.Ordinal));
        Assert.Equal("it's a \\ shop,true,7,=T/postgres reader=C/postgres", cluster.Query<string>($"SELECT shobj_description(oid, 'pg_database') || ',' || datistemplate || ',' || datconnlimit || ',' || (SELECT string_agg(a::text, ' ' ORDER BY a::text) FROM unnest(datacl) a WHERE a::text !~ '^postgres') FROM pg_database WHERE datname = '{name}'"));
        Assert.True(cluster.Query<bool>($"SELECT EXISTS (SELECT FROM pg_db_role_setting s JOIN pg_database d ON d.oid = s.setdatabase WHERE d.datname = '{name}' AND 'work_mem=8MB' = ANY (setconfig))"));
    }
}
