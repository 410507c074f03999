using System.Globalization;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Gathers statistics, table by table.</summary>
internal sealed class AnalyzeStep(UpkeepSession session) : IUpkeepStep
{
    public IReadOnlyList<OptimizationTask> Plan(CancellationToken cancellation)
    {
        var tables = TableNeeds.Read(session, cancellation);
        return [.. PartitionedNeeds.Read(session, cancellation).Select(w => Task(w, tables)), .. tables.Where(t => t.Modified > 0).Select(Task)];
    }

    public StepOutcome Do(OptimizationTask task, CancellationToken cancellation) => TableStatement.Execute(session, task, cancellation);

    /// <summary>The server gathers the statistics of each part along with those of the whole.</summary>
    private static OptimizationTask Task(PartitionedNeeds whole, List<TableNeeds> tables) => new()
    {
        Step = OptimizationStep.Analyze,
        Object = whole.Name,
        Sql = $"ANALYZE {whole.Name}",
        EstimatedTime = whole.Time,
        Covers = [.. tables.Where(t => whole.Parts.Contains(t.Id)).Select(t => t.Name)],
    };

    private static OptimizationTask Task(TableNeeds table) => new()
    {
        Step = OptimizationStep.Analyze,
        Object = table.Name,
        Sql = $"ANALYZE {table.Name}",
        EstimatedTime = Throughput.Analyze(table.Size),
        NotWorth = table.NeedsAnalyze ? "" : string.Create(CultureInfo.InvariantCulture, $"{table.Modified:#,0} rows were changed since the last time, and {table.ModifiedLimit:#,0} are few for its size."),
    };
}
