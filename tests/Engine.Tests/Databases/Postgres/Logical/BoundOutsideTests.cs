using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>What other objects are bound to is the restored part and never the one that was kept aside, or nothing is changed.</summary>
public sealed class BoundOutsideTests : IDisposable
{
    /// <summary>Whatever depends on something that was kept aside and is not itself part of it.</summary>
    private const string Droppable = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND relname LIKE '%\\_before\\_%' AND NOT relispartition LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; END $$";

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void The_statements_for_materialized_views_and_publications_work_as_they_are_given()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE ROLE keeper; CREATE TABLE accounts(id int PRIMARY KEY, name text); INSERT INTO accounts VALUES (1, 'a'), (2, 'b');
            CREATE MATERIALIZED VIEW summaries AS SELECT id, count(*) AS n FROM accounts GROUP BY id; CREATE UNIQUE INDEX ON summaries(id); ALTER MATERIALIZED VIEW summaries OWNER TO keeper; GRANT SELECT ON accounts TO keeper;
            CREATE VIEW busy AS SELECT id FROM summaries WHERE n > 0; CREATE MATERIALIZED VIEW top AS SELECT id FROM busy; CREATE VIEW "last one" AS SELECT top.id FROM top, accounts WHERE false;
            CREATE PUBLICATION realtime FOR TABLE accounts (id, name) WHERE (id > 0)
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DELETE FROM accounts", "app");
        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "accounts", Force = true });
        Assert.Equal(["MATERIALIZED VIEW public.summaries", "PUBLICATION realtime"], result.Unrestored.Select(u => u.Name.Replace("\"", "", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        foreach (var left in result.Unrestored)
        {
            cluster.Execute(left.Statement, "app");
        }

        cluster.Execute("REFRESH MATERIALIZED VIEW CONCURRENTLY summaries", "app");
        Assert.Equal(2, cluster.In<long>("app", "SELECT count(*) FROM top"));
        Assert.Equal("keeper", cluster.In<string>("app", "SELECT matviewowner FROM pg_matviews WHERE matviewname = 'summaries'"));
        Assert.Equal(0, cluster.In<long>("app", "SELECT count(*) FROM \"last one\""));
        Assert.Equal("accounts (id > 0)", cluster.In<string>("app", "SELECT tablename || ' ' || rowfilter FROM pg_publication_tables WHERE tablename = 'accounts'"));
    }

    [PostgresFact]
    public void An_event_trigger_that_refuses_the_restore_is_named()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE t(a int); INSERT INTO t VALUES (1); CREATE FUNCTION no() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''no ddl today''; END'", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("CREATE EVENT TRIGGER \"No DDL\" ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION no()", "app");
        var error = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "t", Force = true }));
        Assert.Contains("ALTER EVENT TRIGGER \"No DDL\" DISABLE", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, cluster.In<long>("app", "SELECT count(*) FROM t"));
    }

    [PostgresFact]
    public void Policies_functions_rules_defaults_and_views_go_on_with_the_restored_table()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE reader LOGIN; CREATE ROLE owner LOGIN");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE TABLE members(id serial PRIMARY KEY, name text); INSERT INTO members(name) VALUES ('reader'), ('owner');
            CREATE TABLE docs(id int, owner text); INSERT INTO docs VALUES (1, 'reader'); ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
            CREATE POLICY "mine; all" ON docs USING (EXISTS (SELECT FROM members m WHERE m.name = current_user)) WITH CHECK (EXISTS (SELECT FROM members m WHERE m.name = owner));
            GRANT SELECT ON docs, members TO reader;
            DO $$ BEGIN EXECUTE 'CREATE FUNCTION counted() RETURNS bigint LANGUAGE sql BEGIN ATOMIC; SELECT count(*) FROM members; END'; END $$;
            CREATE FUNCTION full_name(m members) RETURNS text LANGUAGE sql AS 'SELECT upper($1.name)'; ALTER FUNCTION full_name OWNER TO owner; REVOKE ALL ON FUNCTION full_name FROM PUBLIC; GRANT EXECUTE ON FUNCTION full_name TO reader; COMMENT ON FUNCTION full_name IS 'it''s a name';
            CREATE FUNCTION everybody() RETURNS SETOF members LANGUAGE sql AS 'SELECT * FROM public.members';
            CREATE TABLE audit(what text); CREATE RULE "as well" AS ON INSERT TO audit DO ALSO INSERT INTO members(name) VALUES (new.what);
            CREATE TABLE others(id int DEFAULT nextval('members_id_seq'), size text DEFAULT counted()); CREATE VIEW "V" AS SELECT id FROM members; CREATE TABLE guests(id int); CREATE FUNCTION greet() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'; CREATE CONSTRAINT TRIGGER greeted AFTER INSERT ON guests FROM members DEFERRABLE FOR EACH ROW EXECUTE FUNCTION greet(); COMMENT ON TRIGGER greeted ON guests IS 'hello'; CREATE VIEW grouped AS SELECT id, name FROM members GROUP BY id;
            CREATE VIEW door AS SELECT 1 AS a; CREATE RULE put AS ON INSERT TO door DO INSTEAD INSERT INTO members(name) VALUES ('door');
            CREATE TABLE part(id int DEFAULT nextval('members_id_seq')) PARTITION BY RANGE (id); CREATE TABLE part_1 PARTITION OF part DEFAULT;
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DELETE FROM members WHERE name = 'reader'; ALTER TABLE members ADD COLUMN extra int; SELECT nextval('members_id_seq') FROM generate_series(1, 20); CREATE EXTENSION lo; ALTER EXTENSION lo ADD TABLE members", "app");

        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "members", Force = true });
        Assert.Empty(result.Unrestored);
        Assert.Equal(2, cluster.In<long>("app", "SELECT counted()"));
        Assert.Equal(1, PostgresCluster.Query<long>("SELECT count(*) FROM docs", cluster.ConnectionTo("app").Replace("Username=postgres", "Username=reader", StringComparison.Ordinal)));
        Assert.Equal("OWNER,READER", cluster.In<string>("app", "SELECT string_agg(full_name(m), ',' ORDER BY name) FROM members m"));
        Assert.Equal("owner {owner=X/owner,reader=X/owner} it's a name", cluster.In<string>("app", "SELECT pg_get_userbyid(proowner) || ' ' || proacl::text || ' ' || obj_description(oid) FROM pg_proc WHERE proname = 'full_name'"));
        Assert.Equal(2, cluster.In<long>("app", "SELECT count(*) FROM everybody()"));
        cluster.Execute("INSERT INTO audit VALUES ('new'); INSERT INTO door VALUES (1)", "app");
        Assert.Equal(4, cluster.In<long>("app", "SELECT count(*) FROM members"));
        Assert.Equal(4, cluster.In<long>("app", "SELECT count(*) FROM \"V\""));

        Assert.Equal("members", cluster.In<string>("app", "SELECT string_agg(objid::regclass::text, ',') FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_class'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'lo')"));

        // One counter for all that take numbers from it, and none of its numbers twice.
        Assert.Equal(25, cluster.In<int>("app", "INSERT INTO others DEFAULT VALUES RETURNING id"));
        Assert.Equal(26, cluster.In<int>("app", "INSERT INTO part DEFAULT VALUES RETURNING id"));
        Assert.Equal(27, cluster.In<int>("app", "INSERT INTO members(name) VALUES ('x') RETURNING id"));
        Assert.Equal("members hello", cluster.In<string>("app", "SELECT tgconstrrelid::regclass || ' ' || obj_description(oid) FROM pg_trigger WHERE tgname = 'greeted'"));
        cluster.Execute(Droppable, "app");
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresTheory]
    [InlineData("CREATE TABLE logged(a members, was members)", "table column public.logged.a; table column public.logged.was.")]
    [InlineData("CREATE TABLE logged(were members[])", "logged.were")]
    [InlineData("CREATE TYPE pair AS (a members, b int)", "pair.a")]
    [InlineData("CREATE DOMAIN good AS members CHECK ((VALUE).id > 0)", "good")]
    [InlineData("CREATE FUNCTION tag(members) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT $1.name'; CREATE VIEW tags AS SELECT tag(m) FROM members m", "tag(")]
    [InlineData("CREATE TABLE others(id int, n text GENERATED ALWAYS AS ((NULL::members)::text) STORED)", "others.n")]
    [InlineData("CREATE TABLE more() INHERITS (members)", "public.more")]
    [InlineData("CREATE FUNCTION put(text, members) RETURNS text LANGUAGE sql AS 'SELECT $1'; CREATE AGGREGATE all_of(members) (SFUNC = put, STYPE = text)", "all_of")]
    [InlineData("CREATE CAST (members AS text) WITH INOUT", "members AS")]
    [InlineData("ALTER TABLE members ADD COLUMN late int; CREATE TABLE t(a int); CREATE POLICY p ON t USING (EXISTS (SELECT late FROM members))", "policy p on public.t (column members.late does not exist)")]
    [InlineData("CREATE VIEW whole AS SELECT m FROM members m", "whole.m")]
    public void What_cannot_be_handed_on_is_named_and_nothing_is_changed(string bound, string name)
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute("CREATE TABLE members(id serial PRIMARY KEY, name text); INSERT INTO members(name) VALUES ('a'), ('b')", "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute($"DELETE FROM members WHERE id = 1; {bound}", "app");

        var refused = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "members", Force = true }));
        Assert.True(refused.Code == ErrorCode.DestinationInUse, refused.ToString());
        Assert.Contains(name, refused.Message, StringComparison.Ordinal);
        Assert.Contains("-As", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, cluster.In<long>("app", "SELECT count(*) FROM members"));
        Assert.Equal(0, cluster.In<long>("app", "SELECT count(*) FROM pg_class WHERE relname LIKE '%\\_before\\_%'"));
        Assert.Equal(0, cluster.Leftovers("app"));
        Assert.Equal(2, repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "members", As = "members_then" }).RestoredRows);
    }

    [PostgresFact]
    public void Comments_and_states_of_what_is_made_anew_outside_stay()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA s; CREATE TABLE s.t(id int PRIMARY KEY); CREATE FUNCTION s.good(int) RETURNS bool LANGUAGE sql IMMUTABLE AS 'SELECT true'; INSERT INTO s.t VALUES (1);
            CREATE TABLE outside(a int); INSERT INTO outside VALUES (1);
            ALTER TABLE outside ADD CONSTRAINT "to; t" FOREIGN KEY (a) REFERENCES s.t DEFERRABLE INITIALLY DEFERRED NOT VALID, ADD CONSTRAINT checked CHECK (s.good(a)) NOT VALID;
            COMMENT ON CONSTRAINT "to; t" ON outside IS 'it''s; a key'; COMMENT ON CONSTRAINT checked ON outside IS 'a check';
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        const string State = "SELECT string_agg(concat_ws(' ', conname, pg_get_constraintdef(oid), obj_description(oid, 'pg_constraint')), ', ' ORDER BY conname) FROM pg_constraint WHERE conrelid = 'outside'::regclass";
        var before = cluster.In<string>("app", State);
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "s.t", Force = true }).Unrestored);
        Assert.Equal(before, cluster.In<string>("app", State));
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Schema = "s", Force = true }).Unrestored);
        Assert.Equal(before, cluster.In<string>("app", State));
    }

    [PostgresFact]
    public void A_schema_hands_on_its_functions_or_is_refused_where_a_column_has_its_type()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE reader LOGIN");
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA "Auth"; GRANT USAGE ON SCHEMA "Auth" TO reader; CREATE EXTENSION citext SCHEMA "Auth"; CREATE TYPE "Auth".role AS ENUM ('a', 'b'); CREATE TABLE "Auth".users(id int PRIMARY KEY, role "Auth".role); INSERT INTO "Auth".users VALUES (1, 'a'), (2, 'b');
            CREATE FUNCTION "Auth".uid() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1'; CREATE FUNCTION "Auth".stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN new.note = ''v1''; RETURN new; END'; CREATE SEQUENCE "Auth".numbers;
            CREATE TABLE notes(owner int DEFAULT "Auth".uid() REFERENCES "Auth".users, note text, word "Auth".citext, n int DEFAULT nextval('"Auth".numbers'), CHECK (owner >= "Auth".uid())); ALTER TABLE notes ENABLE ROW LEVEL SECURITY; GRANT SELECT ON notes TO reader;
            CREATE POLICY p ON notes USING (owner = "Auth".uid()); CREATE TRIGGER stamped BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION "Auth".stamp(); CREATE TRIGGER off BEFORE DELETE ON notes FOR EACH ROW EXECUTE FUNCTION "Auth".stamp(); ALTER TABLE notes DISABLE TRIGGER off;
            CREATE TABLE cut(n int, CHECK ("Auth".uid() > 0), note text) PARTITION BY RANGE (n); CREATE TABLE cut_1 PARTITION OF cut DEFAULT; CREATE TRIGGER stamped BEFORE INSERT ON cut FOR EACH ROW EXECUTE FUNCTION "Auth".stamp(); CREATE CONSTRAINT TRIGGER seen AFTER INSERT ON notes FROM "Auth".users DEFERRABLE FOR EACH ROW WHEN (new.owner = "Auth".uid()) EXECUTE FUNCTION "Auth".stamp();
            CREATE VIEW me AS SELECT "Auth".uid() AS id, count(*) AS n FROM "Auth".users; DO $$ BEGIN EXECUTE 'CREATE FUNCTION who() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT max(id) FROM "Auth".users; END'; END $$;
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DELETE FROM \"Auth\".users; CREATE OR REPLACE FUNCTION \"Auth\".uid() RETURNS int LANGUAGE sql STABLE AS 'SELECT 99'; SELECT nextval('\"Auth\".numbers') FROM generate_series(1, 7)", "app");

        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Schema = "Auth", Force = true });
        Assert.Empty(result.Unrestored);
        cluster.Execute("INSERT INTO notes(word) VALUES ('W')", "app");
        Assert.Equal("1 v1 8", cluster.In<string>("app", "SELECT owner || ' ' || note || ' ' || n FROM notes"));
        Assert.Equal(1, PostgresCluster.Query<long>("SELECT count(*) FROM notes", cluster.ConnectionTo("app").Replace("Username=postgres", "Username=reader", StringComparison.Ordinal)));
        Assert.Equal("1 2 2", cluster.In<string>("app", "SELECT id || ' ' || n || ' ' || who() FROM me"));
        Assert.Equal("D", cluster.In<string>("app", "SELECT tgenabled FROM pg_trigger WHERE tgname = 'off'"));
        cluster.Execute("DO $$ BEGIN EXECUTE (SELECT format('DROP SCHEMA %I CASCADE', nspname) FROM pg_namespace WHERE nspname LIKE 'Auth\\_before\\_%'); END $$", "app");
        Assert.Equal("notes,me,p,stamped,stamped,stamped,seen,off,1", cluster.In<string>("app", "SELECT 'notes'::regclass || ',' || 'me'::regclass || ',' || (SELECT polname FROM pg_policy) || ',' || (SELECT string_agg(tgname, ',' ORDER BY tgname DESC) FROM pg_trigger WHERE NOT tgisinternal) || ',' || (SELECT count(*) FROM pg_constraint WHERE contype = 'f')"));

        Assert.Equal("v1", cluster.In<string>("app", "INSERT INTO cut VALUES (1) RETURNING note"));
        Assert.Equal(2, cluster.In<long>("app", "SELECT count(*) FROM pg_constraint WHERE conname = 'cut_check'"));
        cluster.Execute("ALTER TABLE notes ADD COLUMN r \"Auth\".role; CREATE INDEX by_uid ON notes((note || 'x'))", "app");
        var refused = Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Schema = "Auth", Force = true }));
        Assert.Equal(ErrorCode.DestinationInUse, refused.Code);
        Assert.Contains("notes.r", refused.Message, StringComparison.Ordinal);
        Assert.Equal(0, cluster.In<long>("app", "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'Auth\\_before\\_%'"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresFact]
    public void A_partition_that_is_replaced_takes_the_place_of_the_old_one()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA app; CREATE TABLE owners(id int PRIMARY KEY); INSERT INTO owners VALUES (1);
            CREATE TABLE app.hist(at int, owner int REFERENCES owners, PRIMARY KEY (at)) PARTITION BY RANGE (at); CREATE INDEX by_owner ON app.hist(owner);
            CREATE TABLE app."hist 2026-01" PARTITION OF app.hist FOR VALUES FROM (0) TO (100); CREATE TABLE app.rest PARTITION OF app.hist DEFAULT;
            INSERT INTO app.hist SELECT i, 1 FROM generate_series(0, 199) i; CREATE TABLE marks(at int REFERENCES app.hist); INSERT INTO marks VALUES (7), (150);
            CREATE TABLE animals(name text); CREATE TABLE cats(lives int) INHERITS (animals); INSERT INTO cats VALUES ('tom', 9);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DELETE FROM app.hist WHERE at < 50 AND at <> 7; DELETE FROM cats", "app");

        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "app.hist 2026-01", Force = true });
        Assert.Empty(result.Unrestored);
        Assert.DoesNotContain(result.Warnings, w => w.Contains("ATTACH", StringComparison.Ordinal));
        Assert.Equal(200, cluster.In<long>("app", "SELECT count(*) FROM app.hist"));
        Assert.Equal(2, cluster.In<long>("app", "SELECT count(*) FROM pg_inherits h JOIN pg_index i ON i.indexrelid = h.inhrelid WHERE i.indrelid = 'app.\"hist 2026-01\"'::regclass AND i.indisvalid"));
        Assert.Equal(1, cluster.In<long>("app", "SELECT count(*) FROM pg_constraint WHERE conrelid = 'app.\"hist 2026-01\"'::regclass AND contype = 'f'"));
        Assert.Equal(1, cluster.In<long>("app", "SELECT count(*) FROM pg_constraint WHERE conrelid = 'marks'::regclass AND contype = 'f' AND conparentid = 0"));
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "cats", Force = true }).Unrestored);
        Assert.Equal(1, cluster.In<long>("app", "SELECT count(*) FROM animals"));

        // Where the old rows do not fit any more, the old partition goes on and that is told.
        cluster.Execute("DELETE FROM marks; ALTER TABLE app.hist ADD CONSTRAINT late CHECK (at <> 3) NOT VALID; DELETE FROM app.hist WHERE at = 3", "app");
        var told = Assert.Single(repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "app.hist 2026-01", Force = true }).Unrestored);
        Assert.Contains("DETACH PARTITION", told.Statement, StringComparison.Ordinal);
        Assert.Equal(199, cluster.In<long>("app", "SELECT count(*) FROM app.hist"));

        // A partition that came after the snapshot goes aside with its parent.
        cluster.Execute("CREATE TABLE app.young PARTITION OF app.hist FOR VALUES FROM (500) TO (600); INSERT INTO app.hist VALUES (501, 1)", "app");
        var whole = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "app.hist", Force = true });
        Assert.Equal(200, cluster.In<long>("app", "SELECT count(*) FROM app.hist"));
        Assert.Contains(whole.Warnings, w => w.Contains("app.young_before_", StringComparison.Ordinal));
        Assert.Equal(0, cluster.Leftovers("app"));
    }
}
