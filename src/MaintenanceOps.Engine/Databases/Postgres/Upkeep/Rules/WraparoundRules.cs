using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>The numbers of transactions come to an end, and a server that runs out of them stops taking writes.</summary>
internal static class WraparoundRules
{
    /// <summary>The numbers that there are before old ones come again.</summary>
    private const double All = 2_147_483_648;

    public static IEnumerable<DatabaseFinding> Tables(Inspection inspection) =>
        from t in FreezeNeeds.Tables(inspection.Session, inspection.Cancellation)
        select Finding(inspection, t) with
        {
            Size = t.Size,
            Action = OptimizationStep.Vacuum,
            Sql = $"VACUUM (FREEZE) {t.Name}",
            EstimatedTime = Throughput.Vacuum(t.Size ?? 0),
        };

    /// <summary>Each database counts for the server: the oldest of them decides when it stops.</summary>
    public static IEnumerable<DatabaseFinding> Databases(Inspection inspection) =>
        from d in FreezeNeeds.Databases(inspection.Session, inspection.Cancellation)
        select Finding(inspection, d) with
        {
            Advice = "Its oldest tables decide; look at them in that database. What holds them back are long transactions, forgotten prepared ones and replication slots.",
        };

    private static DatabaseFinding Finding(Inspection inspection, FreezeNeeds old) => inspection.Finding(
        old.IsCritical ? FindingSeverity.Error : FindingSeverity.Warning, "Wraparound", old.Name,
        $"The oldest {(old.Multixact ? "multixact" : "transaction")} of {(old.Size is null ? "the database " : "")}{old.Name} is {Count(old.Age)} back; autovacuum freezes above {Count(old.Limit)}, the fail-safe is at {Count(old.Failsafe)}.") with
    {
        Ratio = old.Age / All,
    };

    private static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);
}
