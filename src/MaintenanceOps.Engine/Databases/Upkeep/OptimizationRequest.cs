namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>What is to be done to one database: steps, findings, or, where there is neither, all that a look at it finds.</summary>
public sealed record OptimizationRequest
{
    /// <summary>Steps for all of its objects that need them.</summary>
    public IReadOnlyList<OptimizationStep> Steps { get; init; } = [];

    /// <summary>Findings whose actions are to be done; used instead of the steps where there are any.</summary>
    public IReadOnlyList<DatabaseFinding> Findings { get; init; } = [];

    /// <summary>When to stop; what has no room left is deferred. No limit where it is null.</summary>
    public TimeSpan? TimeLimit { get; init; }

    /// <summary>Does also what does not pay.</summary>
    public bool Force { get; init; }
}
