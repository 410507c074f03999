namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>One step on one object, before it is done.</summary>
internal sealed record OptimizationTask
{
    public required OptimizationStep Step { get; init; }

    /// <summary>The table or index, called as a finding calls it; empty for the database as a whole.</summary>
    public string Object { get; init; } = "";

    /// <summary>The statement, as a finding shows it; a finding's task is recognised by it.</summary>
    public required string Sql { get; init; }

    /// <summary>Bytes that it should give back.</summary>
    public long Gain { get; init; }

    /// <summary>Whether it comes before all others: without it the server will soon take no writes.</summary>
    public bool IsUrgent { get; init; }

    /// <summary>Objects for which the same step is done along with this one.</summary>
    public IReadOnlyCollection<string> Covers { get; init; } = [];

    /// <summary>How long it should take, by the size.</summary>
    public TimeSpan EstimatedTime { get; init; }

    /// <summary>Bytes that must be free meanwhile.</summary>
    public long EstimatedSpace { get; init; }

    /// <summary>Why it does not pay; empty where it does. Such a task is skipped unless it is forced.</summary>
    public string NotWorth { get; init; } = "";
}
