namespace MaintenanceOps;

/// <summary>Something that a look at a database found, with what would mend it.</summary>
public sealed record DatabaseFinding
{
    /// <summary>How much it matters.</summary>
    public required FindingSeverity Severity { get; init; }

    /// <summary>A stable word for the rule, such as <c>FreePages</c>; docs/upkeep-sqlite.md and docs/upkeep-postgresql.md list them.</summary>
    public required string Rule { get; init; }

    /// <summary>What keeps the database.</summary>
    public required DatabaseEngine Engine { get; init; }

    /// <summary>The database in words: a path, or a URI without user and password.</summary>
    public required string Database { get; init; }

    /// <summary>What was found, in a sentence.</summary>
    public required string Message { get; init; }

    /// <summary>What it was found at: a table, an index, a setting, a session; empty for the database as a whole.</summary>
    public string Object { get; init; } = "";

    /// <summary>How large that is, in bytes; null where size says nothing.</summary>
    public long? Size { get; init; }

    /// <summary>The share that the rule looks at, from 0 to 1 (above 1 where a limit is passed): free pages, dead rows, bloat.</summary>
    public double? Ratio { get; init; }

    /// <summary>What <c>Optimize-Database</c> does about it; null where a person has to decide.</summary>
    public OptimizationStep? Action { get; init; }

    /// <summary>The statement that would mend it; empty where there is none.</summary>
    public string Sql { get; init; } = "";

    /// <summary>What to do and why, in a sentence, where the statement does not speak for itself.</summary>
    public string Advice { get; init; } = "";

    /// <summary>Bytes that the action, or the advice, is expected to give back; null where it gives none.</summary>
    public long? Gain { get; init; }

    /// <summary>How long the action, or the advice, is expected to take, by the size alone; null where nothing has to be done, or nobody knows.</summary>
    public TimeSpan? EstimatedTime { get; init; }

    /// <summary>Bytes that must be free on the database's volume meanwhile; null where it needs none.</summary>
    public long? EstimatedSpace { get; init; }

    /// <summary>SQLite: the file, so that the finding can be piped on.</summary>
    public string? Path { get; init; }

    /// <summary>PostgreSQL: how to connect, without a password.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>The password of the connection, while the object stays in the process that made it.</summary>
    internal string? Password { get; init; }

    /// <summary>Severity and message.</summary>
    public override string ToString() => $"{Severity}: {Message}";
}
