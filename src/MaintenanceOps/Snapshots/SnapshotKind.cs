namespace MaintenanceOps;

/// <summary>What a snapshot holds.</summary>
public enum SnapshotKind
{
    /// <summary>A SQLite database, page by page.</summary>
    Sqlite,

    /// <summary>Files and folders.</summary>
    Files,

    /// <summary>PostgreSQL databases as dumps of their content.</summary>
    PostgresLogical,

    /// <summary>A whole PostgreSQL cluster, page by page.</summary>
    PostgresPhysical,
}
