using MaintenanceOps.Engine.Snapshots;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Restores two snapshots beside each other and lets SQLite tell which rows differ, by primary key or rowid.</summary>
internal sealed class SqliteComparison(Repository repository, IOperationSink sink)
{
    public IReadOnlyList<SnapshotDifference> Run(Snapshot reference, Snapshot difference, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(null);
        var old = Materialize(reference, Path.Combine(scratch.Path, "reference.db"), cancellation);
        var recent = Materialize(difference, Path.Combine(scratch.Path, "difference.db"), cancellation);
        using var connection = SqliteConnections.OpenAlone(recent);
        connection.CancelOn(cancellation);
        try
        {
            connection.Execute($"ATTACH '{old.Replace("'", "''", StringComparison.Ordinal)}' AS reference");
            return [.. Tables(connection).Select(t => Compare(connection, t, reference, difference)).OfType<SnapshotDifference>()];
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, recent);
        }
    }

    private string Materialize(Snapshot snapshot, string path, CancellationToken cancellation)
    {
        new SqliteImage(repository, sink).Write(snapshot.Id, repository.ReadManifest(snapshot.Id), path, cancellation);
        return path;
    }

    private static List<(string Name, string? Old, string? New)> Tables(SqliteConnection connection)
    {
        const string Sql = """
            SELECT name, max(old), max(new) FROM (
                SELECT name, sql AS old, NULL AS new FROM reference.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'
                UNION ALL
                SELECT name, NULL, sql FROM main.sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\')
            GROUP BY name ORDER BY name
            """;
        return connection.Column(Sql, r => (r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1), r.IsDBNull(2) ? null : r.GetString(2)));
    }

    private static SnapshotDifference? Compare(SqliteConnection connection, (string Name, string? Old, string? New) table, Snapshot reference, Snapshot difference)
    {
        var (added, removed, changed) = (0L, 0L, 0L);
        var name = SqliteConnections.Quote(table.Name);
        var detail = table.Old is not null && table.New is not null && table.Old != table.New ? "schema" : "";
        try
        {
            if (table.Old is null)
            {
                added = connection.Scalar<long>($"SELECT count(*) FROM main.{name}");
            }
            else if (table.New is null)
            {
                removed = connection.Scalar<long>($"SELECT count(*) FROM reference.{name}");
            }
            else
            {
                (added, removed, changed) = CompareRows(connection, name, table.Name);
            }
        }
        catch (SqliteException e) when (e.SqliteErrorCode == 1)
        {
            // A virtual table without its module, which has shadow tables that tell.
            return null;
        }

        if (table.Old is not null && table.New is not null && detail.Length == 0 && added + removed + changed == 0)
        {
            return null;
        }

        return new SnapshotDifference
        {
            Path = table.Name,
            ItemKind = SnapshotItemKind.Table,
            Change = table.Old is null ? DifferenceKind.Added : table.New is null ? DifferenceKind.Removed : DifferenceKind.Changed,
            RowsAdded = added,
            RowsRemoved = removed,
            RowsChanged = changed,
            Detail = detail,
            Reference = reference.Id,
            Difference = difference.Id,
        };
    }

    private static (long Added, long Removed, long Changed) CompareRows(SqliteConnection connection, string name, string table)
    {
        var literal = table.Replace("'", "''", StringComparison.Ordinal);
        var old = connection.Column($"SELECT name, pk FROM pragma_table_info('{literal}', 'reference')", r => (Name: r.GetString(0), Key: r.GetInt32(1)));
        var recent = connection.Column($"SELECT name, pk FROM pragma_table_info('{literal}', 'main')", r => (Name: r.GetString(0), Key: r.GetInt32(1)));
        var keys = recent.Where(c => c.Key > 0).Select(c => c.Name).ToList();
        if (keys.Count == 0 || keys.Any(k => old.All(c => c.Name != k)))
        {
            keys = ["rowid"];
        }

        var join = string.Join(" AND ", keys.Select(k => $"o.{Column(k)} IS n.{Column(k)}"));
        var shared = recent.Select(c => c.Name).Intersect(old.Select(c => c.Name)).Except(keys).ToList();
        var differs = shared.Count == 0 ? "0" : string.Join(" OR ", shared.Select(c => $"o.{Column(c)} IS NOT n.{Column(c)}"));
        return (
            connection.Scalar<long>($"SELECT count(*) FROM main.{name} n WHERE NOT EXISTS (SELECT 1 FROM reference.{name} o WHERE {join})"),
            connection.Scalar<long>($"SELECT count(*) FROM reference.{name} o WHERE NOT EXISTS (SELECT 1 FROM main.{name} n WHERE {join})"),
            connection.Scalar<long>($"SELECT count(*) FROM reference.{name} o JOIN main.{name} n ON {join} WHERE {differs}"));
    }

    private static string Column(string name) => name == "rowid" ? name : SqliteConnections.Quote(name);
}
