using System.Globalization;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Frees the room of dead rows and freezes old ones, table by table.</summary>
internal sealed class VacuumStep(UpkeepSession session) : IUpkeepStep
{
    public IReadOnlyList<OptimizationTask> Plan(CancellationToken cancellation)
    {
        var old = FreezeNeeds.Tables(session, cancellation).ToDictionary(t => t.Name);
        var changed = TableNeeds.Read(session, cancellation).Where(t => t.Dead > 0 || t.NeedsVacuum || t.NeedsInsertVacuum).ToList();
        return
        [
            .. changed.Select(t => Task(t.Name, t.Size, old.GetValueOrDefault(t.Name)) with
            {
                Gain = (long)(t.DeadShare * t.Size),
                NotWorth = t.NeedsVacuum || t.NeedsInsertVacuum || old.ContainsKey(t.Name)
                    ? ""
                    : string.Create(CultureInfo.InvariantCulture, $"It has {t.Dead:#,0} dead rows, and {t.DeadLimit:#,0} are few for its size."),
            }),
            .. old.Values.ExceptBy(changed.Select(t => t.Name), t => t.Name).Select(t => Task(t.Name, t.Size ?? 0, t)),
        ];
    }

    public StepOutcome Do(OptimizationTask task, CancellationToken cancellation) => TableStatement.Execute(session, task, cancellation);

    private static OptimizationTask Task(string name, long size, FreezeNeeds? old) => new()
    {
        Step = OptimizationStep.Vacuum,
        Object = name,
        Sql = old is not null ? $"VACUUM (FREEZE) {name}" : $"VACUUM {name}",
        EstimatedTime = Throughput.Vacuum(size),
        IsUrgent = old is { IsCritical: true },
    };
}
