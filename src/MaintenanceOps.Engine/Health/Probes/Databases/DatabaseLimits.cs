namespace MaintenanceOps.Engine.Health.Probes.Databases;

/// <summary>What a database may come to before it is degraded; null does not limit.</summary>
public sealed record DatabaseLimits
{
    /// <summary>How long a session may wait for a lock; PostgreSQL.</summary>
    public TimeSpan? MaxLockWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a transaction may be open; PostgreSQL.</summary>
    public TimeSpan? MaxTransaction { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>How far a replica may be behind in time; PostgreSQL.</summary>
    public TimeSpan? MaxLag { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How far a replica may be behind in bytes of log; PostgreSQL.</summary>
    public long? MaxLagSize { get; init; } = 256L << 20;

    /// <summary>Age of the oldest statistics of a table with rows, and none is older than any; PostgreSQL.</summary>
    public TimeSpan? MaxStatisticsAge { get; init; }

    /// <summary>
    /// Bytes of write-ahead log. Where it is null: for SQLite 256 MiB, for PostgreSQL twice what <c>max_wal_size</c> and
    /// <c>wal_keep_size</c> ask for.
    /// </summary>
    public long? MaxWal { get; init; }

    /// <summary>Bytes of the database.</summary>
    public long? MaxSize { get; init; }
}
