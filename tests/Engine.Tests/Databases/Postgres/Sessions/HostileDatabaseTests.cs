using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Sessions;

/// <summary>
/// The owner of a database plants functions, operators, casts, views and overloads of extension functions, and has the database
/// put his schema first: none of it runs with the rights of the superuser who backs up, looks, checks and tidies up.
/// </summary>
public sealed class HostileDatabaseTests : IDisposable
{
    /// <summary>Notes who it was called by, if that is a superuser.</summary>
    private const string Trap = """
        CREATE FUNCTION evil.trap() RETURNS void LANGUAGE plpgsql SECURITY INVOKER AS $$ BEGIN
          IF (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname OPERATOR(pg_catalog.=) current_user) THEN
            EXECUTE pg_catalog.format('COPY (SELECT 1) TO PROGRAM %L', pg_catalog.concat('cat > ', pg_catalog.current_setting('data_directory'), '/trapped'));
          END IF;
        END $$
        """;

    /// <summary>Functions that statements over the catalog use, with the same or better fitting types, then operators.</summary>
    private static readonly string[] Bait =
    [
        "FUNCTION evil.pg_total_relation_size(oid) RETURNS bigint {0} SELECT 1::bigint",
        "FUNCTION evil.pg_total_relation_size(regclass) RETURNS bigint {0} SELECT 1::bigint",
        "FUNCTION evil.pg_relation_size(oid) RETURNS bigint {0} SELECT 1::bigint",
        "FUNCTION evil.pg_table_size(oid) RETURNS bigint {0} SELECT 1::bigint",
        "FUNCTION evil.current_setting(text) RETURNS text {0} SELECT '8192'::text",
        "FUNCTION evil.current_setting(text, boolean) RETURNS text {0} SELECT '0'::text",
        "FUNCTION evil.format(text, name, name) RETURNS text {0} SELECT $2::text || '.' || $3::text",
        "FUNCTION evil.quote_ident(name) RETURNS text {0} SELECT $1::text",
        "FUNCTION evil.count() RETURNS bigint {0} SELECT 0::bigint",
        "FUNCTION evil.set_config(text, text, boolean) RETURNS text {0} SELECT $2",
        "FUNCTION evil.pg_backend_pid() RETURNS int {0} SELECT 1",
        "FUNCTION evil.pg_is_in_recovery() RETURNS boolean {0} SELECT false",
        "FUNCTION evil.current_database() RETURNS name {0} SELECT 'app'::name",
        "FUNCTION evil.pg_control_system(OUT system_identifier bigint) RETURNS bigint {0} SELECT 7::bigint",
        "FUNCTION evil.to_regclass(text) RETURNS regclass {0} SELECT NULL::regclass",
        "FUNCTION evil.age(xid) RETURNS int {0} SELECT 1",
        "FUNCTION evil.pg_export_snapshot() RETURNS text {0} SELECT ''::text",
        "FUNCTION evil.pg_get_userbyid(oid) RETURNS name {0} SELECT 'x'::name",
        "FUNCTION evil.bt_index_check(regclass, VARIADIC boolean[]) RETURNS void {0} SELECT",
        "FUNCTION evil.bt_index_check(oid, boolean) RETURNS void {0} SELECT",
        "FUNCTION evil.verify_heapam(relation regclass, check_toast boolean) RETURNS TABLE(blkno bigint, offnum int, attnum int, msg text) {0} SELECT 1::bigint, 1, 1, ''::text",
        "FUNCTION evil.eq(name, text) RETURNS boolean {0} SELECT false",
        "FUNCTION evil.eq(name, name) RETURNS boolean {0} SELECT false",
        "FUNCTION evil.eq(oid, oid) RETURNS boolean {0} SELECT false",
        "FUNCTION evil.eq(\"char\", \"char\") RETURNS boolean {0} SELECT false",
    ];

    private static readonly string[] Operators = ["name, text", "name, name", "oid, oid", "\"char\", \"char\""];

    private readonly PostgresCluster cluster = new("fsync = off", "wal_level = replica");
    private readonly TestFolder folder = new();

    [PostgresTheory]
    [InlineData("backup")]
    [InlineData("base backup")]
    [InlineData("health of the database")]
    [InlineData("integrity")]
    [InlineData("upkeep")]
    [InlineData("probe")]
    [InlineData("probe with a query")]
    public void What_its_owner_plants_is_not_called(string act)
    {
        Plant();
        Assert.True(IsCaught("SELECT pg_total_relation_size('evil.t'::regclass)"), "The trap does not work.");
        File.Delete(Path.Combine(cluster.Data, "trapped"));
        var connection = cluster.ConnectionTo("app");
        var target = new DatabaseTarget { ConnectionString = connection, HistoryFolder = folder["state"] };
        switch (act)
        {
            case "backup":
                using (var repository = Repository.Create(folder["repo"], null))
                {
                    new PostgresDump(repository, SilentSink.Instance).Run(connection, new PostgresDumpOptions { Parallel = 2 }, new BackupOptions { Source = "a" });
                }

                break;
            case "base backup":
                using (var repository = Repository.Create(folder["repo"], null))
                {
                    new PostgresBaseBackup(repository, SilentSink.Instance).Run(connection, new ClientToolOptions(), new BackupOptions { Source = "a" });
                }

                break;
            case "health of the database":
                Assert.DoesNotContain(DatabaseUpkeep.Inspect(target, SilentSink.Instance, default), f => f.Rule == "NotLookedAt" && !f.Message.Contains("pg_stat_statements", StringComparison.Ordinal));
                break;
            case "integrity":
                var results = new List<IntegrityResult>();
                DatabaseUpkeep.Check(target, VerificationLevel.Full, SilentSink.Instance, results.Add, default);
                Assert.All(results, r => Assert.True(r.Passed, r.Reason));
                Assert.Contains(results, r => r is { Check: "bt_index_check", Objects: > 0 });
                break;
            case "upkeep":
                DatabaseUpkeep.Optimize(target, new OptimizationRequest { Force = true, Steps = [OptimizationStep.Vacuum, OptimizationStep.Analyze, OptimizationStep.Reindex] }, SilentSink.Instance, r => Assert.NotEqual(OptimizationStatus.Failed, r.Status), default);
                break;
            case "probe":
                Assert.Equal(HealthStatus.Healthy, Look.At(new PostgresProbe(connection)).Status);
                break;
            default:
                // Its own words mean what the server has for them, and find the application's tables all the same.
                Assert.Equal("3", Look.At(new PostgresProbe(connection, question: new DatabaseQuestion("SELECT count(*) FROM t WHERE pg_backend_pid() > 0 AND current_setting('search_path') > ''"))).Facts["Value"]);
                break;
        }

        Assert.False(File.Exists(Path.Combine(cluster.Data, "trapped")), "Planted code ran as a superuser.");
    }

    public void Dispose()
    {
        cluster.Dispose();
        folder.Dispose();
    }

    private void Plant()
    {
        cluster.Execute("CREATE ROLE evil LOGIN");
        cluster.Execute("CREATE DATABASE app OWNER evil");
        cluster.Execute("CREATE SCHEMA evil AUTHORIZATION evil; CREATE EXTENSION amcheck SCHEMA evil", "app");
        var evil = new NpgsqlConnectionStringBuilder(cluster.ConnectionTo("app")) { Username = "evil" }.ConnectionString;
        using var connection = new NpgsqlConnection(evil);
        connection.Open();
        void Run(string sql)
        {
            using var command = new NpgsqlCommand(sql, connection);
            command.ExecuteNonQuery();
        }

        Run(Trap);
        Run("CREATE TABLE evil.t(a int PRIMARY KEY, b text); INSERT INTO evil.t VALUES (1, 'x'), (2, 'y'), (3, 'z'); CREATE INDEX ON evil.t (b)");

        // The planner of any query over the table would call this one, to see what it is worth.
        Run("CREATE FUNCTION evil.always() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM evil.trap(); RETURN true; END'");
        Run("CREATE TABLE evil.p(a int, b int); INSERT INTO evil.p VALUES (1, 1); CREATE INDEX ON evil.p (b) WHERE evil.always(); CREATE INDEX ON evil.p ((CASE WHEN evil.always() THEN a END)); CREATE STATISTICS evil.s ON (CASE WHEN evil.always() THEN a END), b FROM evil.p");
        foreach (var bait in Bait)
        {
            Run("CREATE " + bait.Replace("{0}", "LANGUAGE sql AS $$ SELECT evil.trap();", StringComparison.Ordinal) + " $$");
        }

        foreach (var types in Operators)
        {
            Run($"CREATE OPERATOR evil.= (LEFTARG = {types.Split(", ")[0]}, RIGHTARG = {types.Split(", ")[1]}, FUNCTION = evil.eq)");
        }

        Run("ALTER DATABASE app SET search_path = evil, public, pg_catalog");
    }

    private bool IsCaught(string sql)
    {
        using var connection = new NpgsqlConnection(cluster.ConnectionTo("app") + ";Server Compatibility Mode=NoTypeLoading");
        connection.Open();
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
        return File.Exists(Path.Combine(cluster.Data, "trapped"));
    }
}
