using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>What has to be known of a table that is about to be replaced.</summary>
/// <param name="Name">The name as the database writes it.</param>
/// <param name="Counter">The highest id that it has given; null where it does not count.</param>
/// <param name="Columns">All columns.</param>
/// <param name="Others">Its indexes and triggers, in the order in which they were made.</param>
internal sealed record LiveTable(string Name, long? Counter, IReadOnlyList<string> Columns, IReadOnlyList<(string Name, string Sql)> Others)
{
    /// <summary>The table of that name in <c>main</c>; null where there is none.</summary>
    public static LiveTable? Read(SqliteConnection live, string name)
    {
        if (live.Column($"SELECT name FROM main.sqlite_schema WHERE type = 'table' AND name = {SqlText.Literal(name)} COLLATE NOCASE", r => r.GetString(0)) is not [var own])
        {
            return null;
        }

        var literal = SqlText.Literal(own);
        var counts = live.Scalar<long>("SELECT count(*) FROM main.sqlite_schema WHERE type = 'table' AND name = 'sqlite_sequence'") > 0;
        return new LiveTable(
            own,
            counts ? live.Column($"SELECT max(CAST(seq AS INTEGER)) FROM main.sqlite_sequence WHERE name = {literal}", r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0))[0] : null,
            live.Column($"SELECT name FROM pragma_table_xinfo({literal}, 'main')", r => r.GetString(0)),
            live.Column($"SELECT name, sql FROM main.sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = {literal} COLLATE NOCASE AND sql IS NOT NULL ORDER BY rowid", r => (r.GetString(0), r.GetString(1))));
    }

    /// <summary>What else has the name, such as a view; null where nothing has it, or a table.</summary>
    public static string? OtherOf(SqliteConnection live, string name) =>
        live.Column($"SELECT type FROM main.sqlite_schema WHERE name = {SqlText.Literal(name)} COLLATE NOCASE AND type <> 'table'", r => r.GetString(0)).FirstOrDefault();
}
