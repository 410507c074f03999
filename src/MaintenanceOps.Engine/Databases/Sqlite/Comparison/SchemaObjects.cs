using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Comparison;

/// <summary>A table, view, index or trigger with its definition.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Name">Its name.</param>
/// <param name="Table">What it belongs to: of a table or view itself.</param>
/// <param name="Sql">Its definition.</param>
/// <param name="HasPages">Whether rows of its own are stored; a virtual table has none.</param>
internal sealed record SchemaObject(string Type, string Name, string Table, string Sql, bool HasPages)
{
    public bool IsVirtual => Type == "table" && !HasPages;

    /// <summary>All that somebody defined; what SQLite makes by itself has no definition.</summary>
    public static List<SchemaObject> Of(SqliteConnection connection) => connection.WithReadableSchema(() => connection.Column(
        "SELECT type, name, tbl_name, sql, coalesce(rootpage, 0) > 0 FROM sqlite_schema WHERE sql IS NOT NULL AND typeof(name) = 'text' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type, name",
        r => new SchemaObject(r.GetString(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetBoolean(4))));

    /// <summary>How indexes, triggers and views differ: what each belongs to, and in words what happened.</summary>
    public static ILookup<string, string> Changes(IReadOnlyList<SchemaObject> old, IReadOnlyList<SchemaObject> recent)
    {
        var before = old.Where(o => o.Type != "table").ToDictionary(o => (o.Type, o.Name));
        var after = recent.Where(o => o.Type != "table").ToDictionary(o => (o.Type, o.Name));
        return before.Keys.Union(after.Keys).Order()
            .Select(key => (Old: before.GetValueOrDefault(key), New: after.GetValueOrDefault(key), key.Type, key.Name))
            .Where(c => c.Old?.Sql != c.New?.Sql || c.Old?.Table != c.New?.Table)
            .ToLookup(
                c => (c.New ?? c.Old)!.Table,
                c => $"{c.Type} {c.Name} {(c.Old is null ? "added" : c.New is null ? "removed" : "changed")}");
    }
}
