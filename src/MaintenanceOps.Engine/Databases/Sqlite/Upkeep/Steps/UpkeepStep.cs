using MaintenanceOps.Engine.Databases.Upkeep;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Steps;

/// <summary>What every step works with; it hands a task to the one that does it.</summary>
internal sealed record UpkeepStep(SqliteConnection Connection, string Path, TimeSpan LockTimeout, IOperationSink Sink, CancellationToken Cancellation)
{
    /// <summary>Rows of each index that ANALYZE reads, as SQLite's documentation recommends.</summary>
    private const int AnalysisLimit = 1000;

    public StepOutcome Run(OptimizationTask task)
    {
        var file = DatabaseFile.Read(Connection, Path, Turns());
        switch (task.Step)
        {
            case OptimizationStep.Checkpoint:
                return new CheckpointStep(this).Run(file);
            case OptimizationStep.Vacuum:
                return new VacuumStep(this).Run(file);
            case OptimizationStep.Incremental:
                return new IncrementalStep(this).Run(file);
            case OptimizationStep.Analyze:
                Turns().Run(Connection, $"PRAGMA analysis_limit = {AnalysisLimit}; {task.Sql}");
                return StepOutcome.Done();
            default:
                Sink.Progress($"{task.Sql} in {Path}", 0, -1);
                Turns().Run(Connection, task.Sql);
                return StepOutcome.Done();
        }
    }

    /// <summary>A time-out that begins now.</summary>
    public LockTurns Turns() => new(LockTimeout, Cancellation);
}
