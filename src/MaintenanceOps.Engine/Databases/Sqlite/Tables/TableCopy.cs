using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>
/// Makes one table anew in a database, inside a transaction that the caller holds, and fills it from an attached
/// snapshot. What belongs to the table comes with it: the rows' numbers, the counter, indexes, triggers.
/// </summary>
internal sealed class TableCopy(SqliteConnection live, TableDefinition table)
{
    /// <summary>The name under which the snapshot is attached.</summary>
    public const string Snapshot = "mops_snapshot";

    private readonly ApplicationNames names = new(live, table.Name);
    private readonly List<UnrestoredObject> unrestored = [];
    private readonly string quoted = SqliteConnections.Quote(table.Name);

    /// <summary>Indexes, triggers and full-text indexes that could not be brought back.</summary>
    public IReadOnlyList<UnrestoredObject> Unrestored => unrestored;

    /// <summary>Replaces what has the table's name, and fills it.</summary>
    /// <returns>The rows that the table has now.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.VerificationFailed"/>: not all rows arrived.</exception>
    public long Run()
    {
        var before = LiveTable.Read(live, table.Name);
        if (before is not null)
        {
            live.Execute($"DROP TABLE main.{SqliteConnections.Quote(before.Name)}");
        }

        names.Define(table.Sql);
        var rows = table.IsVirtual ? FillVirtual() : Fill(table);
        if (table.HasCounter)
        {
            SetCounter(before?.Counter);
        }

        MakeOthers(table.Others);
        if (before is not null)
        {
            KeepOthers(before);
        }

        RebuildFullText();
        names.RequireUncalled();
        return rows;
    }

    private long Fill(TableDefinition one)
    {
        var name = SqliteConnections.Quote(one.Name);
        var columns = string.Join(", ", one.Columns);
        live.Execute($"INSERT INTO main.{name} ({columns}) SELECT {columns} FROM {Snapshot}.{name} NOT INDEXED");
        var rows = live.Scalar<long>($"SELECT count(*) FROM main.{name} NOT INDEXED");
        var expected = live.Scalar<long>($"SELECT count(*) FROM {Snapshot}.{name} NOT INDEXED");
        return rows == expected
            ? rows
            : throw new MaintenanceException(ErrorCode.VerificationFailed, $"{rows} rows of {expected} arrived in '{one.Name}'; nothing was changed.", one.Name);
    }

    /// <summary>
    /// The content of a virtual table lies in its shadow tables, which are copied as they are. A full-text index over
    /// another table is made from that table, as it is now.
    /// </summary>
    private long FillVirtual()
    {
        if (FullTextIndexes.ContentOf(table.Sql) is not null)
        {
            live.Execute(Rebuild(table.Name));
            return -1;
        }

        foreach (var shadow in table.Shadows)
        {
            if (LiveTable.Read(live, shadow.Name) is null)
            {
                live.Execute(shadow.Sql);
            }

            live.Execute($"DELETE FROM main.{SqliteConnections.Quote(shadow.Name)}");
            Fill(shadow);
        }

        return -1;
    }

    /// <summary>
    /// As in the snapshot; but no id is given twice, so it is never below an id that the table has, nor below what the
    /// table that is replaced had given.
    /// </summary>
    private void SetCounter(long? replaced)
    {
        var literal = SqlText.Literal(table.Name);
        var sources = new List<string>
        {
            $"SELECT CAST(seq AS INTEGER) AS n FROM {Snapshot}.sqlite_sequence WHERE name = {literal}",
            $"SELECT max(rowid) FROM main.{quoted}",
        };
        if (replaced is { } given)
        {
            sources.Add(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"SELECT {given}"));
        }

        var counter = live.Column($"SELECT max(n) FROM ({string.Join(" UNION ALL ", sources)})", r => r.IsDBNull(0) ? (long?)null : r.GetInt64(0))[0];
        live.Execute($"DELETE FROM main.sqlite_sequence WHERE name = {literal}");
        if (counter is { } next)
        {
            live.Execute(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"INSERT INTO main.sqlite_sequence(name, seq) VALUES ({literal}, {next})"));
        }
    }

    private void MakeOthers(IReadOnlyList<(string Name, string Sql)> others)
    {
        foreach (var (name, sql) in others)
        {
            SqlText.RequireOneStatement(sql);
            if (table.UnmakeableIndexes.Contains(name))
            {
                unrestored.Add(new UnrestoredObject(name, "It is sorted by a collation that only the application has.", sql));
                continue;
            }

            Try(name, sql);
        }
    }

    /// <summary>
    /// Indexes and triggers that were made after the snapshot. With the same columns they fit, and something that came
    /// later, such as a full-text index, may rest on them; else the application decides.
    /// </summary>
    private void KeepOthers(LiveTable before)
    {
        foreach (var (name, sql) in before.Others.Where(o => table.Others.All(t => !SqlText.SameName(t.Name, o.Name))))
        {
            if (before.Columns.SequenceEqual(table.AllColumns))
            {
                Try(name, sql);
            }
            else
            {
                unrestored.Add(new UnrestoredObject(name, "It is newer than the snapshot, whose table has other columns.", sql));
            }
        }
    }

    private void RebuildFullText()
    {
        foreach (var index in FullTextIndexes.Over(live, table.Name))
        {
            Try(index, Rebuild(index));
        }
    }

    private static string Rebuild(string index) => $"INSERT INTO main.{SqliteConnections.Quote(index)}({SqliteConnections.Quote(index)}) VALUES ('rebuild')";

    /// <summary>Runs a statement whose failure does not cost the rest.</summary>
    private void Try(string name, string sql)
    {
        live.Execute("SAVEPOINT mops_one");
        try
        {
            live.Execute(sql);
        }
        catch (SqliteException e) when (e.SqliteErrorCode is not (SqliteNative.Interrupt or SqliteNative.Full or SqliteNative.InputOutput or SqliteNative.Corrupt))
        {
            live.Execute("ROLLBACK TO mops_one");
            unrestored.Add(new UnrestoredObject(name, e.Message, sql));
        }

        live.Execute("RELEASE mops_one");
    }
}
