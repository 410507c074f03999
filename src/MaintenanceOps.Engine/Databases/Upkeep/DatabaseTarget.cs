namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>A database to look at: a SQLite file or a database of a PostgreSQL server.</summary>
public sealed record DatabaseTarget
{
    /// <summary>The SQLite file; null for PostgreSQL.</summary>
    public string? Path { get; init; }

    /// <summary>PostgreSQL: a connection string in one of the forms of docs/postgresql.md; null for SQLite.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>PostgreSQL: who connects and with what, where the connection string does not say.</summary>
    public System.Net.NetworkCredential? Credential { get; init; }

    /// <summary>How long a lock of somebody else is waited for; the engine's own choice where it is null.</summary>
    public TimeSpan? LockTimeout { get; init; }

    /// <summary>The folder in which sizes and checks are remembered; the user's own where it is null.</summary>
    public string? HistoryFolder { get; init; }
}
