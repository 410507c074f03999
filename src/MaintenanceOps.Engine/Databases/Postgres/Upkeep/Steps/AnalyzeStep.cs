using System.Globalization;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Gathers statistics, table by table.</summary>
internal sealed class AnalyzeStep(UpkeepSession session) : IUpkeepStep
{
    public IReadOnlyList<OptimizationTask> Plan(CancellationToken cancellation)
    {
        var wholes = PartitionedNeeds.Read(session, cancellation);
        return [.. wholes.Select(Task), .. Tables(wholes, cancellation)];
    }

    public StepOutcome Do(OptimizationTask task, CancellationToken cancellation) => TableStatement.Execute(session, task, cancellation);

    private static OptimizationTask Task(PartitionedNeeds whole) => new()
    {
        Step = OptimizationStep.Analyze,
        Object = whole.Name,
        Sql = $"ANALYZE {whole.Name}",
        EstimatedTime = whole.Time,
    };

    private List<OptimizationTask> Tables(List<PartitionedNeeds> wholes, CancellationToken cancellation) =>
    [
        .. from t in TableNeeds.Read(session, cancellation)
           where t.Modified > 0 && !wholes.Exists(w => w.Parts.Contains(t.Id))
           select new OptimizationTask
           {
               Step = OptimizationStep.Analyze,
               Object = t.Name,
               Sql = $"ANALYZE {t.Name}",
               EstimatedTime = Throughput.Analyze(t.Size),
               NotWorth = t.NeedsAnalyze ? "" : string.Create(CultureInfo.InvariantCulture, $"{t.Modified:#,0} rows were changed since the last time, and {t.ModifiedLimit:#,0} are few for its size."),
           },
    ];
}
