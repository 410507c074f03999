namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Steps;

/// <summary>What came of a step, and why.</summary>
internal sealed record StepOutcome(OptimizationStatus Status, string Reason)
{
    public static StepOutcome Done(string reason = "") => new(OptimizationStatus.Done, reason);

    public static StepOutcome Skipped(string reason) => new(OptimizationStatus.Skipped, reason);

    public static StepOutcome Failed(string reason) => new(OptimizationStatus.Failed, reason);
}
