namespace MaintenanceOps;

/// <summary>What came of a step of upkeep.</summary>
public enum OptimizationStatus
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>It was left out on purpose; the reason says why.</summary>
    Skipped,

    /// <summary>The time limit left no room for it; the next run begins with what gains most.</summary>
    Deferred,

    /// <summary>It was tried and failed; the database is as before.</summary>
    Failed,
}

/// <summary>One step of upkeep on one object, with its size before and after.</summary>
public sealed record OptimizationResult
{
    /// <summary>What keeps the database.</summary>
    public required DatabaseEngine Engine { get; init; }

    /// <summary>The database in words: a path, or a URI without user and password.</summary>
    public required string Database { get; init; }

    /// <summary>What was done.</summary>
    public required OptimizationStep Step { get; init; }

    /// <summary>To which table or index; empty for the database as a whole.</summary>
    public string Object { get; init; } = "";

    /// <summary>What came of it.</summary>
    public required OptimizationStatus Status { get; init; }

    /// <summary>Why it was skipped, deferred or failed, or that it did not pay.</summary>
    public string Reason { get; init; } = "";

    /// <summary>The statement.</summary>
    public string Sql { get; init; } = "";

    /// <summary>Bytes before; for SQLite with the log. Null where it was not measured.</summary>
    public long? SizeBefore { get; init; }

    /// <summary>Bytes after; null where nothing was done.</summary>
    public long? SizeAfter { get; init; }

    /// <summary>Bytes given back; negative where it grew, null where nothing was done.</summary>
    public long? Reclaimed => SizeBefore - SizeAfter;

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }
}
