using System.Buffers.Binary;
using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Counts the entries of partial indexes. SQLite's check looks for the entries that are missing, and in a partial index not for
/// those that are too many: rows that a query would give though they do not meet its condition.
/// </summary>
internal static partial class PartialIndexes
{
    private const int InteriorIndexPage = 2;
    private const int InteriorHeader = 12;
    private const int LeafHeader = 8;

    /// <summary>The first complaint about a partial index of tables that are sound otherwise; null where there is none.</summary>
    /// <param name="connection">A database without a log.</param>
    /// <param name="isOdd">Whether a table needs what is not known here; its indexes are not counted.</param>
    /// <exception cref="SqliteException">It was interrupted, or cannot be read.</exception>
    public static string? Check(SqliteConnection connection, Func<string, bool> isOdd)
    {
        var indexes = connection.Column(
            "SELECT name, tbl_name, sql, CAST(rootpage AS INTEGER) FROM sqlite_schema WHERE type = 'index' AND typeof(sql) = 'text' AND sql LIKE '%where%' AND typeof(name) = 'text' AND typeof(tbl_name) = 'text'",
            r => (Name: r.GetString(0), Table: r.GetString(1), Sql: r.GetString(2), Root: r.GetInt64(3)));
        foreach (var index in indexes.Where(i => !isOdd(i.Table)))
        {
            if (ConditionOf(index.Sql) is { } condition
                && CountRows(connection, index.Table, condition) is { } rows
                && CountEntries(connection, index.Root) is var entries && entries != rows)
            {
                return $"wrong # of entries in index {index.Name}: {entries}, and {rows} rows meet its condition";
            }
        }

        return null;
    }

    /// <summary>
    /// What follows the list of columns and the word WHERE; null where the index is not partial. SQLite reads no further than to the end
    /// of the statement, behind which somebody may have put another one.
    /// </summary>
    internal static string? ConditionOf(string sql)
    {
        var (depth, listed) = (0, false);
        int? start = null;
        foreach (Match token in Token().Matches(sql))
        {
            if (token.Value == ";")
            {
                return start is { } from ? sql[from..token.Index] : null;
            }

            depth += token.Value == "(" ? 1 : token.Value == ")" ? -1 : 0;
            listed |= token.Value == ")" && depth == 0;
            if (listed && depth == 0 && token.Value.Equals("where", StringComparison.OrdinalIgnoreCase))
            {
                start ??= token.Index + token.Length;
            }
        }

        return start is { } at ? sql[at..] : null;
    }

    /// <summary>The condition may need what is not known here: then there is nothing to compare with.</summary>
    private static long? CountRows(SqliteConnection connection, string table, string condition)
    {
        try
        {
            return SqliteInspection.OnlyReading<long>(connection, $"SELECT count(*) FROM {SqliteConnections.Quote(table)} NOT INDEXED WHERE {condition}");
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or SqliteNative.Authorization)
        {
            return null;
        }
    }

    /// <summary>
    /// Every cell of every page of an index is an entry. The tree was found sound before.
    /// https://www.sqlite.org/fileformat2.html#b_tree_pages
    /// </summary>
    private static long CountEntries(SqliteConnection connection, long root)
    {
        var file = SqliteNative.MainFile(connection.Handle!);
        var page = new byte[connection.Scalar<int>("PRAGMA page_size")];
        var waiting = new Stack<long>([root]);
        long entries = 0;
        while (waiting.TryPop(out var number))
        {
            file.Read(page, (number - 1) * page.Length);
            var cells = BinaryPrimitives.ReadUInt16BigEndian(page.AsSpan(3));
            entries += cells;
            if (page[0] != InteriorIndexPage)
            {
                continue;
            }

            waiting.Push(BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(LeafHeader)));
            for (var i = 0; i < cells; i++)
            {
                var cell = BinaryPrimitives.ReadUInt16BigEndian(page.AsSpan(InteriorHeader + (2 * i)));
                waiting.Push(BinaryPrimitives.ReadUInt32BigEndian(page.AsSpan(cell)));
            }
        }

        return entries;
    }

    /// <summary>Quoted names and texts, comments, words and single characters of SQL.</summary>
    [GeneratedRegex("""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|/\*.*?(?:\*/|$)|[\w$]+|\S""", RegexOptions.Singleline)]
    private static partial Regex Token();
}
