namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>What came of a task, and why.</summary>
internal sealed record StepOutcome(OptimizationStatus Status, string Reason = "")
{
    public static StepOutcome Done { get; } = new(OptimizationStatus.Done);

    public static StepOutcome Skipped(string reason) => new(OptimizationStatus.Skipped, reason);

    public static StepOutcome Failed(string reason) => new(OptimizationStatus.Failed, reason);

    /// <summary>Somebody else holds what the task needs.</summary>
    public static StepOutcome Blocked(TimeSpan waited, string holders) => Skipped($"A lock is in the way, and was waited for {Duration.Format(waited)}: {holders}");
}
