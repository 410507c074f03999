namespace MaintenanceOps;

/// <summary>What one check of a database's content said.</summary>
public sealed record IntegrityResult
{
    /// <summary>What keeps the database.</summary>
    public required DatabaseEngine Engine { get; init; }

    /// <summary>The database in words: a path, or a URI without user and password.</summary>
    public required string Database { get; init; }

    /// <summary>The check, by the name that its engine gives it: <c>quick_check</c>, <c>foreign_key_check</c>, <c>bt_index_check</c>.</summary>
    public required string Check { get; init; }

    /// <summary>Whether nothing was found.</summary>
    public required bool Passed { get; init; }

    /// <summary>Why the check could not be made, where it could not; such a check has not passed.</summary>
    public string Reason { get; init; } = "";

    /// <summary>How many problems were found.</summary>
    public long ProblemCount { get; init; }

    /// <summary>The first hundred of them, each with the object that it was found at.</summary>
    public IReadOnlyList<string> Problems { get; init; } = [];

    /// <summary>How many tables, indexes or pages were looked at; null where the engine does not say.</summary>
    public long? Objects { get; init; }

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }
}
