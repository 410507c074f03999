using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>The statements that take most of the server's time.</summary>
internal static class StatementRule
{
    private const string Extension = "pg_stat_statements";

    public static IEnumerable<DatabaseFinding> Look(Inspection inspection)
    {
        // The extension's view belongs to whoever installed it, who may put another one in its place; its function is the server's.
        if (inspection.Session.Ask(s => ExtensionFunction.Find(s, Extension, Extension, "boolean"), inspection.Cancellation) is not { } function)
        {
            return [inspection.Finding(FindingSeverity.Information, "SlowStatement", "pg_stat_statements", "The extension pg_stat_statements is not in this database, so nobody knows which statements are slow.") with
            {
                Sql = "CREATE EXTENSION pg_stat_statements;",
                Advice = "It also has to be in shared_preload_libraries, which takes a restart.",
            }];
        }

        inspection.RequireMonitor();
        return from s in inspection.Rows(Sql(function), r => (Query: r.GetString(0), Calls: r.GetInt64(1), Total: r.GetDouble(2), Mean: r.GetDouble(3), Share: r.GetDouble(4), Id: r.GetInt64(5)))
               select inspection.Finding(
                   FindingSeverity.Information, "SlowStatement", string.Create(CultureInfo.InvariantCulture, $"queryid {s.Id}"),
                   string.Create(CultureInfo.InvariantCulture, $"{Milliseconds(s.Total)} in {s.Calls:#,0} calls of {Milliseconds(s.Mean)}, {s.Share:P0} of the database's time: {Statement.Show(s.Query)}")) with
               {
                   Ratio = s.Share,
               };
    }

    private static string Sql(string function) => $"""
        SELECT coalesce(query, '(its text was lost)'), calls, total_exec_time, mean_exec_time, total_exec_time / nullif(sum(total_exec_time) OVER (), 0), coalesce(queryid, 0)
        FROM {function}(true)
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND total_exec_time > 0
        ORDER BY total_exec_time DESC LIMIT 5
        """;

    private static string Milliseconds(double value) => Duration.Format(TimeSpan.FromMilliseconds(value));
}
