using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>What makes a PostgreSQL server degraded: waits, long transactions, replicas, the size of its log, statistics; and what a role cannot see.</summary>
public sealed class PostgresProbeTests
{
    private static readonly TimeSpan Short = TimeSpan.FromMilliseconds(100);

    [PostgresFact]
    public void A_wait_for_a_lock_and_a_long_transaction_are_told()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE TABLE t (i int)");
        using var holder = new NpgsqlConnection(cluster.ConnectionString);
        holder.Open();
        using var transaction = holder.BeginTransaction();
        Run(holder, "LOCK TABLE t");
        Assert.Equal(HealthStatus.Healthy, Ask(cluster).Status);
        var waiting = Task.Run(() => cluster.Query<long>("SELECT count(*) FROM t"));
        Assert.True(SpinWait.SpinUntil(() => cluster.Query<long>("SELECT count(*) FROM pg_locks WHERE NOT granted") == 1, TimeSpan.FromSeconds(10)));
        Thread.Sleep(2 * Short);
        var result = Ask(cluster, new DatabaseLimits { MaxLockWait = Short, MaxTransaction = Short });
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains("1 sessions wait for a lock, one for ", result.Reason, StringComparison.Ordinal);
        Assert.Contains("a transaction has been open for ", result.Reason, StringComparison.Ordinal);
        Assert.True((TimeSpan)result.Facts["LongestTransaction"] > Short);
        transaction.Rollback();
        Assert.Equal(0, waiting.GetAwaiter().GetResult());
        Assert.Equal(HealthStatus.Healthy, Ask(cluster).Status);
    }

    [PostgresFact]
    public void A_log_that_a_slot_keeps_is_told()
    {
        using var cluster = new PostgresCluster("max_wal_size = 32MB", "min_wal_size = 32MB");
        Assert.Equal(HealthStatus.Healthy, Ask(cluster).Status);
        cluster.Execute("SELECT pg_create_physical_replication_slot('forgotten', true); CREATE TABLE t (i int)");
        for (var i = 0; i < 6; i++)
        {
            cluster.Execute("INSERT INTO t VALUES (1); SELECT pg_switch_wal()");
        }

        cluster.Execute("CHECKPOINT");
        var result = Ask(cluster);
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains("its settings ask for 32.0 MiB: a replication slot", result.Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Healthy, Ask(cluster, new DatabaseLimits { MaxWal = 1L << 30 }).Status);
    }

    [PostgresFact]
    public void Statistics_and_size_are_judged_where_a_limit_is_given()
    {
        using var cluster = new PostgresCluster("autovacuum = off");
        cluster.Execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 5000) i");
        Assert.True(SpinWait.SpinUntil(() => Ask(cluster).Facts["NeverAnalyzed"] is 1, TimeSpan.FromSeconds(10)));
        Assert.Equal(HealthStatus.Healthy, Ask(cluster).Status);
        var limits = new DatabaseLimits { MaxStatisticsAge = TimeSpan.FromDays(1) };
        Assert.Equal("1 tables with rows have no statistics", Ask(cluster, limits).Reason);
        cluster.Execute("ANALYZE t");
        Assert.True(SpinWait.SpinUntil(() => Ask(cluster, limits).Status == HealthStatus.Healthy, TimeSpan.FromSeconds(10)));
        Assert.Contains("statistics are", Ask(cluster, new DatabaseLimits { MaxStatisticsAge = TimeSpan.Zero }).Reason, StringComparison.Ordinal);
        Assert.Contains("more than 1.00 MiB", Ask(cluster, new DatabaseLimits { MaxSize = 1 << 20 }).Reason, StringComparison.Ordinal);
    }

    [PostgresFact]
    public void A_role_that_sees_only_itself_is_never_green()
    {
        using var cluster = new PostgresCluster();
        cluster.Execute("CREATE ROLE \"the app\" LOGIN");
        var who = new NpgsqlConnectionStringBuilder(cluster.ConnectionString) { Username = "the app" }.ConnectionString;
        var result = Look.At(new PostgresProbe(who));
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains("GRANT pg_monitor TO \"the app\"", result.Reason, StringComparison.Ordinal);
        cluster.Execute("GRANT pg_monitor TO \"the app\"");
        Assert.Equal(HealthStatus.Healthy, Look.At(new PostgresProbe(who)).Status);
    }

    [PostgresFact]
    public void A_replica_that_stays_behind_is_told_from_both_ends()
    {
        using var cluster = new PostgresCluster();
        var replica = cluster.StartReplica();
        cluster.Execute("CREATE TABLE t (i int)");
        Assert.True(SpinWait.SpinUntil(() => PostgresCluster.Query<object>("SELECT to_regclass('t')::text", replica) is not null, TimeSpan.FromSeconds(10)));
        Assert.Equal(HealthStatus.Healthy, Look.At(new PostgresProbe(replica)).Status);
        PostgresCluster.Query<object>("SELECT pg_wal_replay_pause()::text", replica);
        cluster.Execute("INSERT INTO t SELECT generate_series(1, 50000)");
        var limits = new DatabaseLimits { MaxLagSize = 1 << 20, MaxLag = Short };
        Assert.True(SpinWait.SpinUntil(() => Ask(cluster, limits).Reason.StartsWith("a replica lags by ", StringComparison.Ordinal), TimeSpan.FromSeconds(10)));
        Assert.True(SpinWait.SpinUntil(() => Look.At(new PostgresProbe(replica, limits: limits)).Reason.StartsWith("it lags by ", StringComparison.Ordinal), TimeSpan.FromSeconds(10)));
        PostgresCluster.Query<object>("SELECT pg_wal_replay_resume()::text", replica);
        cluster.Stop();
        Assert.True(SpinWait.SpinUntil(() => Look.At(new PostgresProbe(replica)).Reason == "it is a replica and receives nothing from its primary", TimeSpan.FromSeconds(10)));
    }

    private static HealthResult Ask(PostgresCluster cluster, DatabaseLimits? limits = null) => Look.At(new PostgresProbe(cluster.ConnectionString, limits: limits));

    private static void Run(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }
}
