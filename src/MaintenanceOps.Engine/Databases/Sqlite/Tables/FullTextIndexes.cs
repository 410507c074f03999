using System.Text.RegularExpressions;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>
/// Full-text indexes whose text lies in another table (<c>content=</c>). SQLite does not keep the two together; the
/// application's triggers do, and they do not see a restore.
/// </summary>
internal static partial class FullTextIndexes
{
    /// <summary>The indexes of a table, and of views that read it.</summary>
    public static List<string> Over(SqliteConnection connection, string table)
    {
        var sources = connection
            .Column("SELECT name, sql FROM main.sqlite_schema WHERE type = 'view'", r => (Name: r.GetString(0), Sql: r.GetString(1)))
            .Where(v => IsNamed(v.Sql, table)).Select(v => v.Name).Append(table).ToList();
        return
        [
            .. connection
                .Column("SELECT name, sql FROM main.sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'", r => (Name: r.GetString(0), Sql: r.GetString(1)))
                .Where(t => ContentOf(t.Sql) is { } content && sources.Exists(s => SqlText.SameName(s, content))).Select(t => t.Name),
        ];
    }

    /// <summary>The table that a full-text index takes its text from; null where it keeps its own or none.</summary>
    public static string? ContentOf(string sql)
    {
        if (Module().Match(sql) is not { Success: true } || Content().Match(sql) is not { Success: true } match)
        {
            return null;
        }

        var text = match.Groups[1].Value;
        var name = text[0] switch
        {
            '\'' or '"' or '`' => text[1..^1].Replace(new string(text[0], 2), text[..1], StringComparison.Ordinal),
            '[' => text[1..^1],
            _ => text,
        };
        return name.Length > 0 ? name : null;
    }

    private static bool IsNamed(string sql, string table) => sql.Contains(table, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex(@"\bUSING\s+[""'`\[]?fts[45]\b", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Module();

    [GeneratedRegex(@"[(,]\s*content\s*=\s*('(?:[^']|'')*'|""(?:[^""]|"""")*""|`(?:[^`]|``)*`|\[[^\]]*\]|[^\s,)]+)", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Content();
}
