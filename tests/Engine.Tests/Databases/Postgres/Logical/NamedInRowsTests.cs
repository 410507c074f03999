using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>Rows elsewhere that name a table or function, as columns of the type regclass do, name the restored one.</summary>
public sealed class NamedInRowsTests : IDisposable
{
    private const string Drop = "DO $$ DECLARE t text; BEGIN FOR t IN SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relname LIKE '%\\_before\\_%' LOOP EXECUTE 'DROP TABLE ' || t; END LOOP; FOR t IN SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname LIKE '%\\_before\\_%' LOOP EXECUTE 'DROP SCHEMA ' || t || ' CASCADE'; END LOOP; END $$";

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Rows_that_name_a_replaced_table_name_the_restored_one()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE TABLE "Bills"(id serial PRIMARY KEY, n int); CREATE INDEX by_n ON "Bills"(n); INSERT INTO "Bills"(n) VALUES (1), (2); CREATE TABLE other(id int);
            CREATE FUNCTION size("Bills") RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE ''append only''; END';
            CREATE DOMAIN relation AS regclass; CREATE DOMAIN relations AS regclass[]; CREATE TYPE pair AS (what regclass, n int);
            CREATE TABLE audit(id int, what regclass, kind regtype, list regclass[], "In" relation, "All" relations, each relation[], f regprocedure, pair pair, plain oid);
            INSERT INTO audit SELECT i, w, '"Bills"', ARRAY[[w, 'other'::regclass], [NULL, w]], w, ARRAY[w], ARRAY[w::relation], 'size("Bills")', '(other,1)'::pair, w FROM (VALUES (1, '"Bills"'::regclass), (2, 'other'), (3, 'by_n'), (4, '"Bills_id_seq"'), (5, NULL)) v(i, w);
            CREATE TRIGGER no BEFORE UPDATE ON audit FOR EACH ROW EXECUTE FUNCTION no(); CREATE MATERIALIZED VIEW seen AS SELECT what FROM audit;
            CREATE TABLE cut(what regclass, n int) PARTITION BY RANGE (n); CREATE TABLE cut_1 PARTITION OF cut DEFAULT; INSERT INTO cut VALUES ('"Bills"', 1);
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        cluster.Execute("DELETE FROM \"Bills\"; CREATE INDEX late ON \"Bills\"(id, n); INSERT INTO audit(id, what) VALUES (6, 'late')", "app");
        const string Read = "SELECT string_agg(concat_ws(' ', id, what, kind, list, \"In\", \"All\", each, f, pair), '; ' ORDER BY id) FROM audit WHERE id < 6";
        var before = cluster.In<string>("app", Read);

        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "Bills", Force = true });
        Assert.Equal(before, cluster.In<string>("app", Read));
        Assert.Equal("\"Bills\"", cluster.In<string>("app", "SELECT what::text FROM cut"));
        Assert.Contains(result.Warnings, w => w.Contains("public.audit", StringComparison.Ordinal));
        Assert.Equal(["COLUMN what of public.audit", "MATERIALIZED VIEW public.seen"], result.Unrestored.Select(u => u.Name).Order(StringComparer.Ordinal));
        Assert.Contains("late", result.Unrestored.Single(u => u.Name.StartsWith("COLUMN", StringComparison.Ordinal)).Error, StringComparison.Ordinal);
        cluster.Execute(result.Unrestored.Single(u => u.Name.StartsWith("MATERIALIZED", StringComparison.Ordinal)).Statement, "app");
        Assert.Equal(2, cluster.In<long>("app", "SELECT count(*) FROM \"Bills\""));
        cluster.Execute("UPDATE pg_trigger SET tgenabled = 'D' WHERE tgname = 'no'; DELETE FROM audit WHERE id = 6; REFRESH MATERIALIZED VIEW seen; " + Drop, "app");
        Assert.Equal(before, cluster.In<string>("app", Read));

        // What lies within a row type cannot be changed, and is told.
        cluster.Execute("UPDATE audit SET pair = ROW('\"Bills\"', 2) WHERE id = 1", "app");
        Assert.Equal(ErrorCode.RestoreIncomplete, Assert.Throws<MaintenanceException>(() => repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "Bills", Force = true, Strict = true })).Code);
        result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "Bills", Force = true });
        Assert.Contains(result.Unrestored, u => u.Name == "COLUMN pair of public.audit");
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresFact]
    public void Rows_that_name_what_is_in_a_replaced_schema_name_the_restored_ones()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA "S"; CREATE TYPE "S".mood AS ENUM ('a'); CREATE TABLE "S".t(a int); CREATE VIEW "S".v AS SELECT 1 AS a; CREATE FUNCTION "S".f("S".mood, int[]) RETURNS "S".mood LANGUAGE sql AS 'SELECT $1';
            CREATE FUNCTION "S".eq("S".t, "S".t) RETURNS bool LANGUAGE sql AS 'SELECT true'; CREATE OPERATOR "S".=== (LEFTARG = "S".t, RIGHTARG = "S".t, FUNCTION = "S".eq);
            CREATE COLLATION "S".c (LOCALE = 'C'); CREATE TEXT SEARCH CONFIGURATION "S".conf (COPY = english); CREATE TEXT SEARCH DICTIONARY "S".dict (TEMPLATE = simple);
            CREATE TABLE names(r regclass, v regclass, t regtype, tt regtype[], p regprocedure, pp regproc, o regoperator, oo regoper, c regcollation, conf regconfig, dict regdictionary, n regnamespace);
            INSERT INTO names VALUES ('"S".t', '"S".v', '"S".mood', ARRAY['"S".t'::regtype, '"S".mood[]', 'int'], '"S".f("S".mood, int[])', '"S".f', '"S".===("S".t, "S".t)', '"S".===', '"S".c', '"S".conf', '"S".dict', '"S"');
            """,
            "app");
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        var before = cluster.In<string>("app", "SELECT names::text FROM names");
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Schema = "S", Force = true }).Unrestored);
        cluster.Execute(Drop, "app");
        Assert.Equal(before, cluster.In<string>("app", "SELECT names::text FROM names"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }
}
