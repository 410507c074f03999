using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>One kind of work on tables or indexes.</summary>
internal interface IUpkeepStep
{
    /// <summary>One task for each object, those that do not pay among them.</summary>
    /// <exception cref="Npgsql.NpgsqlException">The server reports something.</exception>
    IReadOnlyList<OptimizationTask> Plan(CancellationToken cancellation);

    /// <summary>Does one of them.</summary>
    /// <exception cref="Npgsql.NpgsqlException">It failed; nothing half-done stays.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing half-done stays.</exception>
    StepOutcome Do(OptimizationTask task, CancellationToken cancellation);
}
