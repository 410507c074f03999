using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>What ANALYZE wrote about an index: rows in it, and how many of them share one whole key on average.</summary>
internal sealed record IndexStatistics(long Rows, long RowsPerKey);

/// <summary>What ANALYZE wrote (https://www.sqlite.org/fileformat2.html#the_sqlite_stat1_table), and where it no longer fits.</summary>
internal sealed class Statistics
{
    /// <summary>The planner chooses well enough below this.</summary>
    private const int SmallTable = 1000;

    /// <summary>The factor at which SQLite's own <c>PRAGMA optimize</c> analyses again.</summary>
    private const int FarOff = 10;

    private readonly Dictionary<(string Table, string Index), IndexStatistics> indexes = [];

    /// <summary>Whether ANALYZE ever ran.</summary>
    public bool Exist { get; private init; }

    public static Statistics Read(SqliteConnection connection)
    {
        var statistics = new Statistics { Exist = connection.Scalar<long>("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'") > 0 };
        if (statistics.Exist)
        {
            foreach (var (table, index, stat) in connection.Column(
                "SELECT tbl, idx, stat FROM sqlite_stat1 WHERE tbl IS NOT NULL AND idx IS NOT NULL AND stat IS NOT NULL",
                r => (r.GetString(0), r.GetString(1), r.GetString(2))))
            {
                // Numbers first, then words such as "unordered".
                var numbers = stat.Split(' ').TakeWhile(w => long.TryParse(w, CultureInfo.InvariantCulture, out _)).Select(w => long.Parse(w, CultureInfo.InvariantCulture)).ToList();
                if (numbers.Count > 0)
                {
                    statistics.indexes[(table, index)] = new IndexStatistics(numbers[0], numbers[^1]);
                }
            }
        }

        return statistics;
    }

    public IndexStatistics? Of(Table table, TableIndex index) => indexes.GetValueOrDefault((table.Name, StatisticsName(table, index)));

    /// <summary>Why a table ought to be analysed, as the end of a sentence that begins with its name; null where it need not.</summary>
    public string? WhyStale(SqliteConnection connection, Table table)
    {
        // An index without rows gets no statistics, so a partial one may rightly have none.
        var whole = table.Indexes.Where(i => !i.IsPartial).ToList();
        if (whole.Count == 0)
        {
            return null;
        }

        var now = RowEstimate.Of(connection, table);
        var known = whole.Select(i => Of(table, i)).ToList();
        if (known.Contains(null))
        {
            return now.Rows >= SmallTable ? $"has about {Number(now.Rows)}{(now.AtLeast ? " or more" : "")} rows and an index that was never analysed" : null;
        }

        var then = known.Max(s => s!.Rows);
        var grown = now.Rows >= SmallTable && now.Rows > then * FarOff;
        var shrunk = !now.AtLeast && then >= SmallTable && then > now.Rows * FarOff;
        return grown || shrunk ? $"had {Number(then)} rows when it was analysed and has about {Number(now.Rows)}{(now.AtLeast ? " or more" : "")} now" : null;
    }

    /// <summary>For a table WITHOUT ROWID its primary key is listed under the table's name.</summary>
    private static string StatisticsName(Table table, TableIndex index) => index.IsTable ? table.Name : index.Name;

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
