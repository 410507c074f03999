using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>Looks whether a restored table and its neighbours still point to rows that exist.</summary>
internal static class ForeignKeys
{
    /// <summary>A sentence for each table whose rows point from or to a table, and find nothing.</summary>
    public static IEnumerable<string> Broken(SqliteConnection connection, string table)
    {
        const string Children = """
            SELECT DISTINCT t.name FROM main.sqlite_schema t, pragma_foreign_key_list(t.name, 'main') k
            WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%' AND k."table" = {0} COLLATE NOCASE
            """;
        foreach (var child in Ask(connection, Children.Replace("{0}", SqlText.Literal(table), StringComparison.Ordinal)).Append(table).Distinct().ToList())
        {
            var parents = Ask(connection, $"SELECT parent FROM pragma_foreign_key_check({SqlText.Literal(child)}, 'main')");
            foreach (var broken in parents.Where(p => SqlText.SameName(child, table) || SqlText.SameName(p, table)).GroupBy(p => p))
            {
                yield return $"{broken.Count():N0} rows of '{child}' point to rows of '{broken.Key}' that do not exist.";
            }
        }
    }

    private static List<string> Ask(SqliteConnection connection, string sql)
    {
        try
        {
            return connection.Column(sql, r => r.GetString(0));
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Error)
        {
            // A key that names a table or column that does not exist: SQLite itself cannot follow it.
            return [];
        }
    }
}
