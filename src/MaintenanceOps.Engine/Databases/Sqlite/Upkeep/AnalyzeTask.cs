using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>How ANALYZE is asked for, the same in a finding and in a plan, so that the one leads to the other.</summary>
internal static class AnalyzeTask
{
    /// <summary>All tables that SQLite itself thinks need it, also those that nobody has asked for yet.</summary>
    public static OptimizationTask Everything(int tables) => new()
    {
        Step = OptimizationStep.Analyze,
        Sql = "PRAGMA optimize = 0x10002",
        EstimatedTime = UpkeepCost.Analyze(tables),
    };

    /// <summary>One table.</summary>
    public static OptimizationTask Of(Table table) => new()
    {
        Step = OptimizationStep.Analyze,
        Object = table.Name,
        Sql = $"ANALYZE {SqliteConnections.Quote(table.Name)}",
        EstimatedTime = UpkeepCost.Analyze(1),
    };
}
