using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>The names that a list of a snapshot's items gives to tables are the names that a restore takes.</summary>
internal static class TableNames
{
    /// <summary>
    /// A list of several databases puts the database in front of each table, and shows names so that they do no harm to a
    /// terminal; both are undone here. What is no name of a list stays as it was given.
    /// </summary>
    public static RestoreOptions Resolve(Snapshot snapshot, Manifest manifest, RestoreOptions options)
    {
        if (options.Table is not { } table)
        {
            return options;
        }

        foreach (var database in manifest.Postgres is { Databases.Length: > 1 } several && options.Database is null ? several.Databases : [])
        {
            if (table.StartsWith(database.Name + ".", StringComparison.Ordinal) && Find(database.Tables, table[(database.Name.Length + 1)..]) is { } found)
            {
                return options with { Database = database.Name, Table = found };
            }
        }

        return options with { Table = Find(snapshot.Tables, table) ?? table };
    }

    private static string? Find(IReadOnlyList<TableCount> tables, string name) =>
        tables.FirstOrDefault(t => t.Name == name)?.Name ?? tables.FirstOrDefault(t => PathCodec.Display(t.Name) == name)?.Name;
}
