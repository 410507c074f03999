using MaintenanceOps.Engine.Databases.Sqlite.Comparison;
using MaintenanceOps.Engine.Databases.Sqlite.Tables;
using MaintenanceOps.Engine.Snapshots;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Restores two snapshots beside each other and tells which rows differ. Stored values and types are compared, byte for
/// byte; rows are matched by primary key, else by their number. What cannot be compared is said.
/// </summary>
internal sealed class SqliteComparison(Repository repository, IOperationSink sink)
{
    public IReadOnlyList<SnapshotDifference> Run(Snapshot reference, Snapshot difference, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(null);
        try
        {
            using var old = Open(reference, Path.Combine(scratch.Path, "reference.db"), cancellation);
            using var recent = Open(difference, Path.Combine(scratch.Path, "difference.db"), cancellation);
            return new Pair(old, recent, reference, difference, cancellation).Run();
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, scratch.Path);
        }
    }

    private SqliteConnection Open(Snapshot snapshot, string path, CancellationToken cancellation)
    {
        new SqliteImage(repository, sink).Write(snapshot.Id, repository.ReadManifest(snapshot.Id), path, cancellation);
        var connection = SqliteConnections.OpenAlone(path);
        connection.CancelOn(cancellation);
        connection.Execute("PRAGMA temp_store = FILE");
        var used = connection.Column(
            "SELECT DISTINCT x.coll FROM sqlite_schema s, pragma_index_list(s.name) l, pragma_index_xinfo(l.name) x WHERE s.type = 'table' AND s.sql NOT LIKE 'CREATE VIRTUAL%' AND x.coll IS NOT NULL",
            r => r.GetString(0));
        foreach (var collation in used.Except(SqlText.Collations, StringComparer.OrdinalIgnoreCase))
        {
            // To open an index SQLite wants its collation; to read all rows in another order it never calls it.
            connection.CreateCollation(collation, string.CompareOrdinal);
        }

        return connection;
    }

    /// <summary>Two opened databases.</summary>
    private sealed class Pair(SqliteConnection old, SqliteConnection recent, Snapshot reference, Snapshot difference, CancellationToken cancellation)
    {
        private readonly string encoding = recent.Scalar<string>("PRAGMA encoding");
        private readonly bool isSameEncoding = old.Scalar<string>("PRAGMA encoding") == recent.Scalar<string>("PRAGMA encoding");
        private readonly Dictionary<string, string> oldCounters = Counters(old);
        private readonly Dictionary<string, string> newCounters = Counters(recent);

        public IReadOnlyList<SnapshotDifference> Run()
        {
            var (oldObjects, newObjects) = (SchemaObject.Of(old), SchemaObject.Of(recent));
            var changes = SchemaObject.Changes(oldObjects, newObjects);
            var before = oldObjects.Where(o => o.Type == "table").ToDictionary(o => o.Name);
            var after = newObjects.Where(o => o.Type == "table").ToDictionary(o => o.Name);
            var found = before.Keys.Union(after.Keys)
                .Select(n => Table(n, before.GetValueOrDefault(n), after.GetValueOrDefault(n), changes[n]))
                .Concat(changes.Where(c => !before.ContainsKey(c.Key) && !after.ContainsKey(c.Key)).Select(c => View(c.Key, c)))
                .OfType<SnapshotDifference>().ToList();
            var owners = after.Values.Where(o => o.IsVirtual && found.TrueForAll(f => f.Path != o.Name)).Select(o => Virtual(o.Name, found)).OfType<SnapshotDifference>();
            return [.. found.Concat(owners.ToList()).OrderBy(f => f.Path, StringComparer.Ordinal)];
        }

        private SnapshotDifference? Table(string name, SchemaObject? was, SchemaObject? now, IEnumerable<string> changes)
        {
            var detail = changes.ToList();
            if (was is not null && now is not null && was.Sql != now.Sql)
            {
                detail.Insert(0, "schema");
            }

            (long? Added, long? Removed, long? Changed) rows = (0, 0, 0);
            try
            {
                rows = (was ?? now)!.IsVirtual || (now ?? was)!.IsVirtual ? VirtualRows(was, now, detail)
                    : was is null ? (Count(recent, name), 0, 0)
                    : now is null ? (0, Count(old, name), 0)
                    : Rows(name, detail);
            }
            catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or SqliteNative.Corrupt)
            {
                rows = (null, null, null);
                detail.Add($"rows not compared: {e.Message}");
            }

            if (was is not null && now is not null && rows is (0, 0, 0) && oldCounters.GetValueOrDefault(name) != newCounters.GetValueOrDefault(name))
            {
                detail.Add("next id");
            }

            return was is not null && now is not null && detail.Count == 0 && rows is (0, 0, 0) ? null : Difference(
                name,
                was is null ? DifferenceKind.Added : now is null ? DifferenceKind.Removed : DifferenceKind.Changed,
                string.Join(", ", detail)) with
            {
                RowsAdded = rows.Added,
                RowsRemoved = rows.Removed,
                RowsChanged = rows.Changed,
            };
        }

        private (long? Added, long? Removed, long? Changed) Rows(string name, List<string> detail)
        {
            var (before, after) = (ComparedTable.Read(old, name), ComparedTable.Read(recent, name));
            if (!isSameEncoding)
            {
                detail.Add("rows not compared: the texts of one are UTF-8 and of the other UTF-16");
                return (null, null, null);
            }

            if (RowComparison.Of(name, before, after, encoding == "UTF-8") is not { } comparison)
            {
                detail.Add("rows not compared: they have no key in common");
                return (null, null, null);
            }

            AddColumns(detail, "only in the reference", before.Columns.Except(after.Columns));
            AddColumns(detail, "only in the difference", after.Columns.Except(before.Columns));
            return comparison.Run(old, recent, cancellation);
        }

        private static void AddColumns(List<string> detail, string where, IEnumerable<string> columns)
        {
            var names = string.Join(" ", columns);
            if (names.Length > 0)
            {
                detail.Add($"columns {where} ({names})");
            }
        }

        /// <summary>A virtual table's rows are made by a module out of its shadow tables, which are compared as they are stored.</summary>
        private static (long? Added, long? Removed, long? Changed) VirtualRows(SchemaObject? was, SchemaObject? now, List<string> detail)
        {
            if (was is not null && now is not null && was.Sql == now.Sql)
            {
                return (0, 0, 0);
            }

            detail.Add("virtual table: its shadow tables are compared");
            return (null, null, null);
        }

        private SnapshotDifference? Virtual(string name, List<SnapshotDifference> found)
        {
            var shadows = found.Where(f => f.Path.Length > name.Length && f.Path[name.Length] == '_' && SqlText.SameName(f.Path[..name.Length], name)).Select(f => f.Path).ToList();
            return shadows.Count == 0 ? null : Difference(name, DifferenceKind.Changed, $"virtual table: {string.Join(", ", shadows)} changed");
        }

        private SnapshotDifference View(string name, IEnumerable<string> changes)
        {
            var detail = changes.ToList();
            var kind = detail.Contains($"view {name} added") ? DifferenceKind.Added : detail.Contains($"view {name} removed") ? DifferenceKind.Removed : DifferenceKind.Changed;
            return Difference(name, kind, string.Join(", ", detail));
        }

        private SnapshotDifference Difference(string path, DifferenceKind change, string detail) => new()
        {
            Path = path,
            ItemKind = SnapshotItemKind.Table,
            Change = change,
            Detail = detail,
            Reference = reference.Id,
            Difference = difference.Id,
        };

        private static long Count(SqliteConnection connection, string name) =>
            connection.Scalar<long>($"SELECT count(*) FROM main.{SqliteConnections.Quote(name)} NOT INDEXED");

        /// <summary>The ids that AUTOINCREMENT gives next, by table.</summary>
        private static Dictionary<string, string> Counters(SqliteConnection connection) =>
            connection.Scalar<long>("SELECT count(*) FROM sqlite_schema WHERE name = 'sqlite_sequence'") == 0
                ? []
                : connection.Column("SELECT name, group_concat(coalesce(seq, '')) FROM sqlite_sequence WHERE name IS NOT NULL GROUP BY name", r => (r.GetString(0), r.GetString(1))).ToDictionary(c => c.Item1, c => c.Item2);
    }
}
