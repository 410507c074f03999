using System.Net;
using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Tests.Support;
using Npgsql;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Databases.Postgres.Upkeep;

/// <summary>One server for all tests of upkeep that can share one, with a database for each.</summary>
public sealed class UpkeepWorld : IDisposable
{
    private readonly Lazy<PostgresCluster> cluster = new(() => new PostgresCluster("shared_preload_libraries = 'pg_stat_statements'", "autovacuum = off", "max_prepared_transactions = 5", "max_wal_size = '2GB'"));
    private int databases;

    internal PostgresCluster Cluster => cluster.Value;

    internal UpkeepDatabase NewDatabase(string? name = null)
    {
        name ??= $"upkeep{++databases}";
        Cluster.Execute($"CREATE DATABASE {PostgresServer.Quote(name)}");
        return new UpkeepDatabase(Cluster, name);
    }

    public void Dispose()
    {
        if (cluster.IsValueCreated)
        {
            cluster.Value.Dispose();
        }
    }
}

[CollectionDefinition(Name)]
public sealed class UpkeepCollection : ICollectionFixture<UpkeepWorld>
{
    public const string Name = "PostgreSQL upkeep";
}

/// <summary>A database of a test, and what upkeep says about it.</summary>
internal sealed class UpkeepDatabase(PostgresCluster cluster, string name)
{
    /// <summary>Before, a process of its own collected the counters and told them twice a second.</summary>
    private const int SharesCounters = 150000;

    public string Connection { get; } = new NpgsqlConnectionStringBuilder(cluster.ConnectionString) { Database = name }.ConnectionString;

    public void Execute(string sql) => PostgresCluster.Query<object?>(sql, Connection);

    public T Query<T>(string sql) => PostgresCluster.Query<T>(sql, Connection);

    public NpgsqlConnection Open()
    {
        var connection = new NpgsqlConnection(Connection);
        connection.Open();
        return connection;
    }

    public static void Execute(NpgsqlConnection connection, string sql)
    {
        using var command = new NpgsqlCommand(sql, connection);
        command.ExecuteNonQuery();
    }

    public PostgresUpkeep Upkeep(TimeSpan? lockTimeout = null, UpkeepLimits? limits = null, string? connection = null, NetworkCredential? credential = null, DatabaseHistory? history = null)
    {
        Settle();
        return PostgresUpkeep.Open(connection ?? Connection, credential, lockTimeout, SilentSink.Instance, limits, history);
    }

    /// <summary>Upkeep that lets the test act whenever it tells how far it is.</summary>
    public static PostgresUpkeep Open(string connection, Action act) => PostgresUpkeep.Open(connection, null, null, new ProgressSink(act));

    public List<DatabaseFinding> Inspect(UpkeepLimits? limits = null, string? connection = null, DatabaseHistory? history = null)
    {
        using var upkeep = Upkeep(null, limits, connection, history: history);
        return [.. upkeep.Inspect(default)];
    }

    public List<IntegrityResult> Check(VerificationLevel level, TimeSpan? lockTimeout = null)
    {
        using var upkeep = Upkeep(lockTimeout);
        return [.. upkeep.Check(level, default)];
    }

    public List<OptimizationResult> Optimize(OptimizationStep step, TimeSpan? lockTimeout = null, UpkeepLimits? limits = null, bool force = false, CancellationToken cancellation = default)
    {
        using var upkeep = Upkeep(lockTimeout, limits);
        var results = new List<OptimizationResult>();
        new OptimizationRun(upkeep, new OptimizationRequest { Steps = [step], Force = force }, SilentSink.Instance).Run(results.Add, cancellation);
        return results;
    }

    public long InvalidIndexes() => Query<long>("SELECT count(*) FROM pg_index WHERE NOT indisvalid");

    /// <summary>A session tells its counters when it ends, a moment after its client has closed it.</summary>
    private void Settle()
    {
        SpinWait.SpinUntil(
            () => cluster.Query<long>($"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name.Replace("'", "''", StringComparison.Ordinal)}' AND state = 'idle'") == 0,
            TimeSpan.FromSeconds(2));
        if (cluster.Query<int>("SELECT current_setting('server_version_num')::int") < SharesCounters)
        {
            Thread.Sleep(TimeSpan.FromSeconds(1.5));
        }
    }
}

/// <summary>Lets a test act whenever the engine tells how far it is.</summary>
internal sealed class ProgressSink(Action act) : IOperationSink
{
    public void Progress(string activity, long done, long total, string? unit = null) => act();

    public void Warn(string message)
    {
    }

    public void Inform(string message)
    {
    }
}
