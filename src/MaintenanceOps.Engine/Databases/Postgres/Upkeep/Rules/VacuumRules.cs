using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Tables that autovacuum should have looked after by its own figures.</summary>
internal static class VacuumRules
{
    public static IEnumerable<DatabaseFinding> DeadRows(Inspection inspection) =>
        from t in inspection.Tables
        where t.NeedsVacuum
        select inspection.Finding(
            FindingSeverity.Warning, "DeadRows", t.Name,
            t.Dead > t.DeadLimit
                ? $"{t.Name} has {Count(t.Dead)} dead rows beside {Count(t.Live)} live ones; autovacuum acts above {Count(t.DeadLimit)}."
                : $"{t.Name} has {Count(t.OverflowDead)} dead pieces of large values (TOAST) beside {Count(t.OverflowLive)} live ones; autovacuum acts above {Count(t.OverflowDeadLimit)}.") with
        {
            Size = t.Size,
            Ratio = t.DeadShare,
            Action = OptimizationStep.Vacuum,
            Sql = $"VACUUM {t.Name}",
            Advice = "The room of dead rows is used again after it; the file seldom becomes smaller." + Why(t),
            EstimatedTime = Throughput.Vacuum(t.Size),
        };

    public static IEnumerable<DatabaseFinding> InsertedRows(Inspection inspection) =>
        from t in inspection.Tables
        where t.NeedsInsertVacuum && !t.NeedsVacuum
        select inspection.Finding(
            FindingSeverity.Information, "InsertedRows", t.Name,
            $"{t.Name} got {Count(t.Inserted)} rows since its last vacuum; autovacuum acts above {Count(t.InsertedLimit)}.") with
        {
            Size = t.Size,
            Ratio = Math.Min(1, t.Inserted / Math.Max(1, t.Rows)),
            Action = OptimizationStep.Vacuum,
            Sql = $"VACUUM {t.Name}",
            Advice = "Index-only scans and the next freeze become cheaper." + Why(t),
            EstimatedTime = Throughput.Vacuum(t.Size),
        };

    public static IEnumerable<DatabaseFinding> StaleStatistics(Inspection inspection) =>
        from t in inspection.Tables
        where t.NeedsAnalyze
        let share = t.Modified / Math.Max(1, Math.Max(t.Rows, t.Live))
        select inspection.Finding(
            t.NeverAnalyzed || share >= 0.5 ? FindingSeverity.Warning : FindingSeverity.Information, "StaleStatistics", t.Name,
            $"{t.Name} {(t.NeverAnalyzed ? "has never been analyzed, and" : "was last analyzed")} {Count(t.Modified)} changed rows {(t.NeverAnalyzed ? "wait for it" : "ago")}; autovacuum acts above {Count(t.ModifiedLimit)}.") with
        {
            Size = t.Size,
            Ratio = share,
            Action = OptimizationStep.Analyze,
            Sql = $"ANALYZE {t.Name}",
            Advice = "The planner chooses by what it believes about the rows." + Why(t),
            EstimatedTime = Throughput.Analyze(t.Size),
        };

    public static IEnumerable<DatabaseFinding> PartitionedStatistics(Inspection inspection) =>
        from t in PartitionedNeeds.Read(inspection.Session, inspection.Cancellation)
        select inspection.Finding(
            t.NeverAnalyzed ? FindingSeverity.Warning : FindingSeverity.Information, "StaleStatistics", t.Name,
            t.NeverAnalyzed
                ? $"{t.Name} is partitioned, has {Count(t.Rows)} rows in its parts, and as a whole has never been analyzed."
                : $"{t.Name} is partitioned; since it was last analyzed as a whole, parts with {Count(t.Changed)} of its {Count(t.Rows)} rows have changed so much that they were analyzed again.") with
        {
            Size = t.Size,
            Ratio = t.NeverAnalyzed ? 1 : t.Changed / Math.Max(1, t.Rows),
            Action = OptimizationStep.Analyze,
            Sql = $"ANALYZE {t.Name}",
            Advice = "Autovacuum analyzes the parts and never the whole, by which the planner joins and groups.",
            EstimatedTime = t.Time,
        };

    private static string Why(TableNeeds table) =>
        table.Autovacuum ? "" : $" Autovacuum is switched off for this table; ALTER TABLE {table.Name} RESET (autovacuum_enabled) gives it back.";

    private static string Count(double rows) => rows.ToString("#,0", CultureInfo.InvariantCulture);
}
