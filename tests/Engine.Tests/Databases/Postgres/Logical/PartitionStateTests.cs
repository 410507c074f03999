using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Logical;

/// <summary>What a partition has for itself, and not from its parent, when it comes back alone.</summary>
public sealed class PartitionStateTests : IDisposable
{
    private const string States = """
        SELECT string_agg(tgrelid::regclass || '.' || tgname || '=' || tgenabled::text, ', ' ORDER BY tgrelid::regclass::text, tgname)
        FROM pg_trigger t JOIN pg_class c ON c.oid = tgrelid WHERE tgname IN ('seen', 'own', 'shut') AND c.relname NOT LIKE '%\_before\_%' AND c.relnamespace::regnamespace::text NOT LIKE '%\_before\_%'
        """;

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [PostgresFact]
    public void Triggers_that_a_partition_has_from_its_parent_are_enabled_as_they_were()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA old; CREATE SCHEMA code; CREATE FUNCTION code.note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
            CREATE TABLE log(at int, kind text) PARTITION BY RANGE (at);
            CREATE TABLE p1 PARTITION OF log FOR VALUES FROM (0) TO (10); CREATE TABLE p2 PARTITION OF log FOR VALUES FROM (10) TO (20); CREATE TABLE "P 3" PARTITION OF log FOR VALUES FROM (20) TO (30);
            CREATE TABLE deep PARTITION OF log FOR VALUES FROM (30) TO (40) PARTITION BY LIST (kind); CREATE TABLE deep_a PARTITION OF deep FOR VALUES IN ('a'); CREATE TABLE deep_b PARTITION OF deep DEFAULT;
            CREATE TABLE old.p5 PARTITION OF log FOR VALUES FROM (40) TO (50);
            CREATE TRIGGER seen AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION code.note(); CREATE TRIGGER shut AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION code.note();
            CREATE TRIGGER own BEFORE INSERT ON p1 FOR EACH ROW EXECUTE FUNCTION code.note(); ALTER TABLE p1 DISABLE TRIGGER own; ALTER TABLE log DISABLE TRIGGER shut;
            ALTER TABLE ONLY p1 DISABLE TRIGGER seen; ALTER TABLE ONLY p2 ENABLE REPLICA TRIGGER seen; ALTER TABLE ONLY "P 3" ENABLE ALWAYS TRIGGER seen; ALTER TABLE ONLY old.p5 DISABLE TRIGGER seen;
            ALTER TABLE ONLY deep DISABLE TRIGGER seen; ALTER TABLE ONLY deep_a DISABLE TRIGGER seen;
            INSERT INTO log SELECT i, 'a' FROM generate_series(0, 49) i;
            """,
            "app");
        var before = cluster.In<string>("app", States);
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        RestoreOptions[] all = [new() { Table = "p1" }, new() { Table = "p2" }, new() { Table = "P 3" }, new() { Table = "deep" }, new() { Table = "deep_b" }, new() { Schema = "old" }, new() { Schema = "code" }, new() { Table = "log" }];
        foreach (var options in all)
        {
            Assert.Empty(repository.PlayBack(cluster, snapshot, options with { Force = true }).Unrestored);
            Assert.Equal(before, cluster.In<string>("app", States));
        }

        Assert.Equal(50, cluster.In<long>("app", "SELECT count(*) FROM log"));
        var copy = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "p1", As = "p1_copy" });
        Assert.Contains(copy.Warnings, w => w.Contains("ALTER TABLE ONLY \"public\".\"p1_copy\" DISABLE TRIGGER \"seen\";", StringComparison.Ordinal));
    }

    [PostgresFact]
    public void Statistics_in_other_schemas_than_their_tables_keep_them_and_their_names()
    {
        const string Statistics = "SELECT string_agg(stxnamespace::regnamespace || '.' || stxname || ' ' || stxrelid::regclass || ' ' || coalesce(obj_description(oid), '') || array_to_string(stxkind, ''), ', ' ORDER BY stxnamespace::regnamespace::text, stxname) FROM pg_statistic_ext WHERE stxname NOT LIKE '%\\_before\\_%' AND stxnamespace::regnamespace::text NOT LIKE '%\\_before\\_%'";
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA s; CREATE SCHEMA one; CREATE SCHEMA two;
            CREATE TABLE s.t(a int, b int, c int); INSERT INTO s.t SELECT i, i, i FROM generate_series(1, 9) i; CREATE TABLE s.u(a int, b int); CREATE MATERIALIZED VIEW s.v AS SELECT a, b FROM s.t;
            CREATE STATISTICS one.same ON a, b FROM s.t; CREATE STATISTICS two.same (mcv) ON b, c FROM s.t; CREATE STATISTICS s.same ON a, c FROM s.t; CREATE STATISTICS s.t ON a, b, c FROM s.t; COMMENT ON STATISTICS two.same IS 'of two';
            CREATE STATISTICS one.t_u ON a, b FROM s.u; CREATE STATISTICS two.of_view ON a, b FROM s.v;
            """,
            "app");
        var before = cluster.In<string>("app", Statistics);
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        foreach (var options in new RestoreOptions[] { new() { Table = "s.u" }, new() { Schema = "s" }, new() { Schema = "s" } })
        {
            Assert.Empty(repository.PlayBack(cluster, snapshot, options with { Force = true }).Unrestored);
            Assert.Equal(before, cluster.In<string>("app", Statistics));
        }

        cluster.Execute("DROP MATERIALIZED VIEW s.v", "app");
        before = cluster.In<string>("app", Statistics);
        Assert.Empty(repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "s.t", Force = true }).Unrestored);
        Assert.Equal(before, cluster.In<string>("app", Statistics));

        // A copy beside it takes no names away, and in another schema it has all that is its own with it.
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "s.t", As = "s.w" });
        Assert.Equal("one.w_same s.w s.w_same two.w_same", cluster.In<string>("app", "SELECT string_agg(stxnamespace::regnamespace || '.' || stxname, ' ' ORDER BY stxnamespace::regnamespace::text, stxname) FROM pg_statistic_ext WHERE stxrelid = 's.w'::regclass"));
        cluster.Execute("CREATE SCHEMA archive", "app");
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "s.t", As = "archive.t" });
        Assert.Equal(4, cluster.In<long>("app", "SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = 'archive.t'::regclass AND stxnamespace = 'archive'::regnamespace"));
        repository.PlayBack(cluster, snapshot, new RestoreOptions { Schema = "s", As = "s_copy" });
        Assert.Equal(6, cluster.In<long>("app", "SELECT count(*) FROM pg_statistic_ext WHERE stxnamespace = 's_copy'::regnamespace"));

        // Where its schema is gone, it is in its table's.
        cluster.Execute("DROP SCHEMA one CASCADE", "app");
        var result = repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "s.u", Force = true });
        Assert.Equal("STATISTICS one.t_u", Assert.Single(result.Unrestored).Name);
        Assert.Equal(1, cluster.In<long>("app", "SELECT count(*) FROM pg_statistic_ext WHERE stxrelid = 's.u'::regclass AND stxnamespace = 's'::regnamespace AND stxname = 't_u'"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }

    [PostgresFact]
    public void Rows_of_one_partition_that_an_enumeration_is_hashed_into_are_its_own()
    {
        const string Rows = "SELECT string_agg(tableoid::regclass || ' ' || id || m, ', ' ORDER BY id) FROM moods";
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE DATABASE app");
        cluster.Execute(
            """
            CREATE SCHEMA "Cold ones"; CREATE TYPE mood AS ENUM ('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'); CREATE TABLE moods(id int, m mood, gone int, UNIQUE (id, m)) PARTITION BY HASH (m); ALTER TABLE moods DROP COLUMN gone;
            CREATE TABLE h0 PARTITION OF moods FOR VALUES WITH (MODULUS 4, REMAINDER 0); CREATE TABLE "Cold ones"."h (1" PARTITION OF moods FOR VALUES WITH (MODULUS 4, REMAINDER 1);
            CREATE TABLE h2 PARTITION OF moods FOR VALUES WITH (MODULUS 4, REMAINDER 2) PARTITION BY LIST (m); CREATE TABLE h2_a PARTITION OF h2 FOR VALUES IN ('a', 'b', 'c'); CREATE TABLE h2_b PARTITION OF h2 DEFAULT;
            CREATE TABLE h3 PARTITION OF moods FOR VALUES WITH (MODULUS 4, REMAINDER 3); CREATE TABLE "Cold ones".near(id int); INSERT INTO "Cold ones".near VALUES (1);
            INSERT INTO moods SELECT i, (enum_range(NULL::mood))[1 + i % 10] FROM generate_series(1, 200) i;
            """,
            "app");
        var before = cluster.In<string>("app", Rows);
        using var repository = Repositories.New(folder);
        var snapshot = repository.Dump(cluster, "app");
        foreach (var options in new RestoreOptions[] { new() { Table = "h0" }, new() { Table = "h2" }, new() { Table = "h2_a" }, new() { Table = "h3" }, new() { Table = "Cold ones.h (1" }, new() { Schema = "Cold ones" }, new() { Table = "moods" } })
        {
            Assert.Empty(repository.PlayBack(cluster, snapshot, options with { Force = true }).Unrestored);
            Assert.Equal(before, cluster.In<string>("app", Rows));
        }

        var own = cluster.In<long>("app", "SELECT count(*) FROM h0");
        Assert.Equal(own, repository.PlayBack(cluster, snapshot, new RestoreOptions { Table = "h0", As = "h0_copy" }).RestoredRows);
        Assert.Equal(0, cluster.In<long>("app", "SELECT count(*) FROM (TABLE h0_copy EXCEPT TABLE h0) d"));
        Assert.Equal(0, cluster.Leftovers("app"));
    }
}
