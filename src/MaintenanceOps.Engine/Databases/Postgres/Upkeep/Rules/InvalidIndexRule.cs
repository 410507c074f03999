namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Indexes that a failed build left.</summary>
internal static class InvalidIndexRule
{
    public static IEnumerable<DatabaseFinding> Look(Inspection inspection) =>
        from i in InvalidIndex.Read(inspection.Session, inspection.Cancellation)
        select inspection.Finding(
            FindingSeverity.Warning, "InvalidIndex", i.Name,
            $"{i.Name} on {i.Table} is invalid: {(i.IsLeftover ? "a rebuild that failed left it" : "its build failed")}. Each write pays for it, and no query uses it.") with
        {
            Size = i.Size,
            Action = OptimizationStep.Reindex,
            Sql = i.Cure,
            Gain = i.IsLeftover ? i.Size : null,
            EstimatedTime = i.IsLeftover ? TimeSpan.FromSeconds(0.1) : Throughput.Reindex(i.Size),
            EstimatedSpace = i.IsLeftover ? null : i.Size,
        };
}
