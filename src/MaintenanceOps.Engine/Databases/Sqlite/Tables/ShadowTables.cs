using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>The tables in which virtual tables keep their content, as <c>notes_fts_data</c> is of <c>notes_fts</c>.</summary>
internal static class ShadowTables
{
    /// <summary>The shadow tables of a virtual table.</summary>
    public static List<string> Of(SqliteConnection connection, string owner) =>
        [.. connection.Column("SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'shadow' ORDER BY name", r => r.GetString(0)).Where(s => OwnerOf(connection, s) == owner)];

    /// <summary>The virtual table that a shadow table belongs to; null where it is none. The longest name that fits is the owner.</summary>
    public static string? OwnerOf(SqliteConnection connection, string table)
    {
        var isShadow = connection.Scalar<long>($"SELECT count(*) FROM pragma_table_list({SqlText.Literal(table)}) WHERE schema = 'main' AND type = 'shadow'") > 0;
        return !isShadow ? null : connection
            .Column("SELECT name FROM sqlite_schema WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'", r => r.GetString(0))
            .Where(v => table.Length > v.Length && table[v.Length] == '_' && SqlText.SameName(table[..v.Length], v))
            .MaxBy(v => v.Length);
    }
}
