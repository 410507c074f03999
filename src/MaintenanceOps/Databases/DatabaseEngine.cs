namespace MaintenanceOps;

/// <summary>The program that keeps a database.</summary>
public enum DatabaseEngine
{
    /// <summary>A SQLite file.</summary>
    Sqlite,

    /// <summary>A database of a PostgreSQL server.</summary>
    Postgres,
}
