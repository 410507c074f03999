namespace MaintenanceOps;

/// <summary>What <c>Optimize-Database</c> can do. No step is zero, so that a finding's action counts as true wherever there is one.</summary>
public enum OptimizationStep
{
    /// <summary>SQLite: moves the write-ahead log into the database, and cuts it off where nobody reads it.</summary>
    Checkpoint = 1,

    /// <summary>Gathers the statistics by which the planner chooses indexes.</summary>
    Analyze = 2,

    /// <summary>SQLite: rewrites the file without its free pages. PostgreSQL: frees dead rows beside the application.</summary>
    Vacuum = 3,

    /// <summary>SQLite: gives free pages back a few at a time, where <c>auto_vacuum</c> is incremental.</summary>
    Incremental = 4,

    /// <summary>Rebuilds indexes; PostgreSQL does so beside the application, and what a failed rebuild left is dropped.</summary>
    Reindex = 5,

    /// <summary>PostgreSQL: rewrites a table, which keeps everybody out while it lasts. Never done unless it is asked for by name.</summary>
    VacuumFull = 6,
}
