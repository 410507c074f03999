using MaintenanceOps.Engine.Databases.Upkeep;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>Tables whose indexes the planner knows nothing or something wrong about.</summary>
internal static class StatisticsRules
{
    public static IEnumerable<DatabaseFinding> Look(Inspection look, IReadOnlyList<Table> tables, Statistics statistics)
    {
        var stale = Stale(look.Connection, tables, statistics, look.Cancellation);
        if (!statistics.Exist && stale.Count > 0)
        {
            yield return Finding(look, FindingSeverity.Information, AnalyzeTask.Everything(stale.Count), $"The database was never analysed, and {stale.Count} of its tables {(stale.Count == 1 ? "is" : "are")} large enough for it to matter.");
            yield break;
        }

        foreach (var (table, why) in stale)
        {
            yield return Finding(look, FindingSeverity.Warning, AnalyzeTask.Of(table), $"Table '{table.Name}' {why}.");
        }
    }

    /// <summary>The tables to analyse, each with the reason.</summary>
    public static List<(Table Table, string Why)> Stale(SqliteConnection connection, IReadOnlyList<Table> tables, Statistics statistics, CancellationToken cancellation)
    {
        var stale = new List<(Table, string)>();
        foreach (var table in tables)
        {
            cancellation.ThrowIfCancellationRequested();
            if (statistics.WhyStale(connection, table) is { } why)
            {
                stale.Add((table, why));
            }
        }

        return stale;
    }

    private static DatabaseFinding Finding(Inspection look, FindingSeverity severity, OptimizationTask task, string message) =>
        look.Finding(severity, "StaleStatistics", message, task.Object) with
        {
            Action = task.Step,
            Sql = task.Sql,
            Advice = "The planner chooses indexes by these numbers. Connections that are open see new ones when they open anew.",
            EstimatedTime = task.EstimatedTime,
        };
}
