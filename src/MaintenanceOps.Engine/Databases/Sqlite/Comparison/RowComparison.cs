using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Comparison;

/// <summary>Goes along the rows of one table in two databases at once, both in the order of the key, so that no more than two rows are in memory.</summary>
internal sealed class RowComparison
{
    private readonly string sql;

    /// <summary>The first values of a row are what rows are matched by.</summary>
    private readonly int keys;

    /// <summary>Behind the keys stands the row's number, which tells rows apart whose keys have a NULL.</summary>
    private readonly bool hasRowid;

    private readonly int values;

    private RowComparison(string sql, int keys, bool hasRowid, int values) => (this.sql, this.keys, this.hasRowid, this.values) = (sql, keys, hasRowid, values);

    /// <summary>Finds how the rows can be matched; null where they cannot.</summary>
    /// <param name="name">The table.</param>
    /// <param name="old">Its shape in the one database.</param>
    /// <param name="recent">Its shape in the other.</param>
    /// <param name="isUtf8">Whether both keep texts as UTF-8.</param>
    public static RowComparison? Of(string name, ComparedTable old, ComparedTable recent, bool isUtf8)
    {
        var shared = recent.Columns.Where(c => old.Columns.Contains(c)).ToList();
        var byKey = recent.Key.Count > 0 && recent.Key.SequenceEqual(old.Key);
        var rowid = old.Rowid is not null && recent.Rowid is not null && old.Rowid == recent.Rowid ? recent.Rowid : null;
        List<string> keys = byKey ? [.. recent.Key.Select(SqliteConnections.Quote)]
            : rowid is not null ? [rowid]
            : old.Columns.SequenceEqual(recent.Columns) ? [.. shared.Select(SqliteConnections.Quote)]
            : [];
        if (keys.Count == 0)
        {
            return null;
        }

        // SQLite hands out texts as UTF-8 and shortens what is not well formed; as a blob they come as they are stored.
        string[] Stored(string column) => isUtf8 ? [column] : [$"CASE typeof({column}) WHEN 'text' THEN 2 WHEN 'blob' THEN 3 WHEN 'null' THEN 0 ELSE 1 END", $"CASE typeof({column}) WHEN 'text' THEN CAST({column} AS BLOB) ELSE {column} END"];
        var hasRowid = byKey && rowid is not null;
        string[] keyValues = [.. keys.SelectMany(Stored)];
        string[] values = [.. keyValues, .. hasRowid ? (string[])[rowid!] : [], .. shared.Select(SqliteConnections.Quote).Except(keys).SelectMany(Stored)];
        string[] order = [.. keys.Select(k => $"{k} COLLATE BINARY"), .. hasRowid ? (string[])[rowid!] : []];
        return new RowComparison($"SELECT {string.Join(", ", values)} FROM main.{SqliteConnections.Quote(name)} ORDER BY {string.Join(", ", order)}", keyValues.Length, hasRowid, values.Length);
    }

    /// <summary>Counts the rows that only one of the databases has, and those that differ.</summary>
    public (long Added, long Removed, long Changed) Run(SqliteConnection reference, SqliteConnection difference, CancellationToken cancellation)
    {
        using var old = new RowCursor(reference, sql);
        using var recent = new RowCursor(difference, sql);
        var (added, removed, changed) = (0L, 0L, 0L);
        var (hasOld, hasNew) = (old.Next(), recent.Next());
        while (hasOld || hasNew)
        {
            cancellation.ThrowIfCancellationRequested();
            var order = !hasOld ? 1 : !hasNew ? -1 : Compare(old, recent);
            if (order < 0)
            {
                removed++;
            }
            else if (order > 0)
            {
                added++;
            }
            else if (!Same(old, recent))
            {
                changed++;
            }

            hasOld = order <= 0 ? old.Next() : hasOld;
            hasNew = order >= 0 ? recent.Next() : hasNew;
        }

        return (added, removed, changed);
    }

    private int Compare(RowCursor old, RowCursor recent)
    {
        var isUnique = true;
        for (var i = 0; i < keys; i++)
        {
            if (StoredValue.Compare(old, recent, i) is not 0 and var order)
            {
                return order;
            }

            isUnique &= old.Type(i) != StoredType.Null;
        }

        return hasRowid && !isUnique ? StoredValue.Compare(old, recent, keys) : 0;
    }

    private bool Same(RowCursor old, RowCursor recent)
    {
        for (var i = 0; i < values; i++)
        {
            // A row that was deleted and written again under its key has another number and is the same row.
            if (!(hasRowid && i == keys) && !StoredValue.Same(old, recent, i))
            {
                return false;
            }
        }

        return true;
    }
}
