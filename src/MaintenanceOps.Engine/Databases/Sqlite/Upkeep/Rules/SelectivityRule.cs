using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>
/// Indexes that select next to nothing, by the statistics. Whether an index is used at all SQLite does not record, so
/// nothing is said about that.
/// </summary>
internal static class SelectivityRule
{
    private const int LargeTable = 10_000;
    private const double MostRows = 0.5;

    public static IEnumerable<DatabaseFinding> Look(Inspection look, IReadOnlyList<Table> tables, Statistics statistics)
    {
        foreach (var (table, index) in tables.SelectMany(t => t.Indexes.Where(i => i.IsCreated && !i.Unique && !i.IsPartial).Select(i => (t, i))))
        {
            if (statistics.Of(table, index) is { Rows: >= LargeTable } known && (double)known.RowsPerKey / known.Rows is var share and > MostRows)
            {
                yield return look.Finding(
                    FindingSeverity.Information,
                    "UnselectiveIndex",
                    string.Create(CultureInfo.InvariantCulture, $"A lookup in index '{index.Name}' of table '{table.Name}' finds {share:P0} of the rows on average, so it saves nothing."),
                    index.Name) with
                {
                    Ratio = share,
                    Sql = $"DROP INDEX {SqliteConnections.Quote(index.Name)}",
                    Advice = "Where only a rare value is looked up, a partial index (WHERE ...) on that value is smaller and of use; else drop it.",
                };
            }
        }
    }
}
