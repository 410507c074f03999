using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Microsoft.Data.Sqlite;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>Databases that are well, locked, missing or give a wrong answer; and backups that are too old.</summary>
public sealed class DatabaseProbeTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_sqlite_database_is_read_asked_and_tried_for_writing()
    {
        var path = Make();
        Assert.Equal(HealthStatus.Healthy, Look.At(new SqliteProbe(path)).Status);
        Assert.Equal(HealthStatus.Healthy, Look.At(new SqliteProbe(path, new DatabaseQuestion("select count(*) from t", "== 2"))).Status);
        Assert.Equal("the query's value is '2', and should be > 5", Look.At(new SqliteProbe(path, new DatabaseQuestion("select count(*) from t", "> 5"))).Reason);
        Assert.Equal("the query gave '0'", Look.At(new SqliteProbe(path, new DatabaseQuestion("select 0"))).Reason);
        Assert.Equal("the query has 2 answers, and one can be judged", Look.At(new SqliteProbe(path, new DatabaseQuestion("select 1; select 0"))).Reason);
        Assert.Equal("the query may only read", Look.At(new SqliteProbe(path, new DatabaseQuestion("delete from t returning 1"))).Reason);
        Assert.Equal(HealthStatus.Unknown, Look.At(new SqliteProbe(path, new DatabaseQuestion("select count(*) from nothing"))).Status);
        Assert.Equal(HealthStatus.Healthy, Look.At(new SqliteProbe(path, new DatabaseQuestion("select count(*) from t", "2"))).Status);
    }

    [Fact]
    public void A_lock_that_is_held_is_degraded_and_something_else_is_unhealthy()
    {
        var path = Make();
        using (var writer = new SqliteConnection($"Data Source={path};Pooling=False"))
        {
            writer.Open();
            using var transaction = writer.BeginTransaction(deferred: false);
            Assert.Equal(HealthStatus.Degraded, Look.At(new SqliteProbe(path)).Status);
        }

        File.WriteAllText(folder["text.db"], new string('x', 4096));
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new SqliteProbe(folder["text.db"])).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new SqliteProbe(folder["missing.db"])).Status);
    }

    [Fact]
    public void A_log_that_piles_up_is_seen_through_a_link_too()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var path = Make();
        using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
        connection.Open();
        connection.Execute("PRAGMA journal_mode = wal; INSERT INTO t SELECT * FROM t");
        File.CreateSymbolicLink(folder["link.db"], path);
        var result = Look.At(new SqliteProbe(folder["link.db"]));
        Assert.Equal(new FileInfo(path + "-wal").Length, result.Facts["WalSize"]);
        Assert.Equal(new FileInfo(path).Length, result.Facts["Size"]);
    }

    [Fact]
    public void A_question_without_end_is_ended_by_the_time_out()
    {
        var endless = new DatabaseQuestion("with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n");
        var result = Look.At(new SqliteProbe(Make(), endless), TimeSpan.FromMilliseconds(400));
        Assert.Equal("No answer within 400 ms.", result.Reason);
        Assert.True(result.Latency < TimeSpan.FromSeconds(5));
    }

    [PostgresFact]
    public void A_postgresql_database_is_asked_how_it_does()
    {
        using var cluster = new PostgresCluster("max_connections = 20");
        var result = Look.At(new PostgresProbe(cluster.ConnectionString, null, new DatabaseQuestion("select 6 * 7", "42")));
        Assert.True(result.Status == HealthStatus.Healthy, result.Reason);
        Assert.Equal(17, result.Facts["MaxConnections"]);
        Assert.Equal(HealthStatus.Unknown, Look.At(new PostgresProbe(cluster.ConnectionString, null, new DatabaseQuestion("create table x () ; select 1"))).Status);
        Assert.Equal(HealthStatus.Unknown, Look.At(new PostgresProbe(cluster.ConnectionString, null, new DatabaseQuestion("select * from nothing"))).Status);
        Assert.Equal("No answer within 500 ms.", Look.At(new PostgresProbe(cluster.ConnectionString, null, new DatabaseQuestion("select pg_sleep(30)")), TimeSpan.FromMilliseconds(500)).Reason);

        // Of an endless answer the first row is enough.
        Assert.Equal(HealthStatus.Healthy, Look.At(new PostgresProbe(cluster.ConnectionString, null, new DatabaseQuestion("with recursive n(i) as (select 1 union all select i + 1 from n) select i from n", "1")), TimeSpan.FromSeconds(20)).Status);
        Crowd(cluster);
        cluster.Stop();
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new PostgresProbe(cluster.ConnectionString)).Status);
    }

    [Fact]
    public void Only_a_young_verified_snapshot_is_a_backup()
    {
        var path = Make();
        using (var repository = Repository.Create(folder["repo"], null))
        {
            Assert.Contains("has no snapshot", Backup("app/main", TimeSpan.FromHours(1)).Reason, StringComparison.Ordinal);
            new SqliteBackup(repository, SilentSink.Instance).Run(path, new BackupOptions { Source = "app/main" }, default);
            new SqliteBackup(repository, SilentSink.Instance).Run(path, new BackupOptions { Source = "app/raw", SkipVerify = true }, default);
        }

        Assert.Equal(HealthStatus.Healthy, Backup("app/main", TimeSpan.FromHours(1)).Status);
        Assert.Contains("more than", Backup("app/main", TimeSpan.Zero).Reason, StringComparison.Ordinal);
        Assert.Contains("verified", Backup("app/raw", TimeSpan.FromHours(1)).Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Unknown, Look.At(new BackupProbe(folder["nowhere"], null, "app/main", TimeSpan.FromHours(1))).Status);
    }

    private static void Crowd(PostgresCluster cluster)
    {
        var crowd = Enumerable.Range(0, 15).Select(_ => new NpgsqlConnection(cluster.ConnectionString)).ToList();
        crowd.ForEach(c => c.Open());
        Assert.Equal(HealthStatus.Degraded, Look.At(new PostgresProbe(cluster.ConnectionString)).Status);
        crowd.Add(new NpgsqlConnection(cluster.ConnectionString));
        crowd[^1].Open();
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new PostgresProbe(cluster.ConnectionString)).Status);
        crowd.ForEach(c => c.Dispose());
    }

    private HealthResult Backup(string source, TimeSpan age) => Look.At(new BackupProbe(folder["repo"], null, source, age));

    private string Make()
    {
        var path = folder["app.db"];
        if (!File.Exists(path))
        {
            using var connection = new SqliteConnection($"Data Source={path};Pooling=False");
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "PRAGMA journal_mode = wal; create table t (i); insert into t values (1), (2)";
            command.ExecuteNonQuery();
        }

        return path;
    }
}
