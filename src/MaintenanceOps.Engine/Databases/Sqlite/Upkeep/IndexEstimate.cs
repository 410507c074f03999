using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>About how large an index is, or would be: SQLite keeps no sizes, and reading all of it would take as long as building it.</summary>
internal static class IndexEstimate
{
    private const int Sample = 1000;

    /// <summary>The rowid, the lengths and the place in the page of an entry.</summary>
    private const int Overhead = 10;

    /// <summary>Pages of an index that grew in no order are filled to about three quarters.</summary>
    private const double Air = 4 / 3.0;

    /// <summary>Bytes; null where the number of rows cannot be told.</summary>
    public static long? Of(SqliteConnection connection, Table table, IEnumerable<string> columns)
    {
        if (RowEstimate.Of(connection, table) is not { AtLeast: false } estimate)
        {
            return null;
        }

        var names = columns.Select(SqliteConnections.Quote).ToArray();
        var widths = names.Select(c => $"coalesce(length(CAST({c} AS BLOB)), 0)");
        var width = connection.Scalar<double>(string.Create(
            CultureInfo.InvariantCulture,
            $"SELECT coalesce(avg({string.Join(" + ", widths)}), 0.0) FROM (SELECT {string.Join(", ", names)} FROM {SqliteConnections.Quote(table.Name)} LIMIT {Sample})"));
        return (long)(estimate.Rows * (width + Overhead) * Air);
    }
}
