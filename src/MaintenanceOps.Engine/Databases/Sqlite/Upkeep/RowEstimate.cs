using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>Tells about how many rows a table has without counting a large one.</summary>
/// <param name="Rows">The number, or a lower bound.</param>
/// <param name="AtLeast">There may be any number more.</param>
internal sealed record RowEstimate(long Rows, bool AtLeast)
{
    /// <summary>Up to so many rows are counted.</summary>
    private const int Countable = 1000;

    private const int Samples = 20;
    private const int SampleRows = 50;

    /// <summary>Where the samples differ by more than this (standard deviation to mean), the rowids say nothing about the number.</summary>
    private const double MaxSpread = 1;

    public static RowEstimate Of(SqliteConnection connection, Table table)
    {
        var name = SqliteConnections.Quote(table.Name);
        var counted = connection.Scalar<long>(string.Create(CultureInfo.InvariantCulture, $"SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {Countable})"));
        return counted < Countable
            ? new RowEstimate(counted, false)
            : table.Rowid is { } rowid ? Sampled(connection, name, SqliteConnections.Quote(rowid)) : new RowEstimate(counted, true);
    }

    /// <summary>
    /// The largest rowid alone would count every row that was ever deleted; so a few stretches of rowids are looked at for
    /// how densely they are filled.
    /// </summary>
    private static RowEstimate Sampled(SqliteConnection connection, string table, string rowid)
    {
        // One statement with both would read every row.
        var first = connection.Scalar<long>($"SELECT min({rowid}) FROM {table}");
        var last = connection.Scalar<long>($"SELECT max({rowid}) FROM {table}");
        var range = (double)last - first + 1;
        var densities = new List<double>();
        for (var i = 0; i < Samples; i++)
        {
            var from = first + (long)(range / Samples * i);
            var (rows, to) = connection.Column(
                string.Create(CultureInfo.InvariantCulture, $"SELECT count(*), coalesce(max(r), {last}) FROM (SELECT {rowid} AS r FROM {table} WHERE {rowid} >= {from} ORDER BY {rowid} LIMIT {SampleRows})"),
                r => (r.GetInt64(0), r.GetInt64(1)))[0];
            densities.Add(rows / ((double)to - from + 1));
        }

        var mean = densities.Average();
        var spread = Math.Sqrt(densities.Average(d => (d - mean) * (d - mean)));
        return spread <= mean * MaxSpread ? new RowEstimate(Math.Max(Countable, (long)(range * mean)), false) : new RowEstimate(Countable, true);
    }
}
