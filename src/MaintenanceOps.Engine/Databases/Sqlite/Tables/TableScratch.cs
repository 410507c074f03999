using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>The scratch copy of a snapshot that one table is taken from.</summary>
/// <param name="copy">The file, which is changed.</param>
/// <param name="live">The database that the table goes into.</param>
/// <param name="liveIsEmpty">Whether that has no page yet, so that it takes the snapshot's text encoding.</param>
internal sealed class TableScratch(string copy, SqliteConnection live, bool liveIsEmpty)
{
    /// <summary>
    /// Gives the table its new name, by SQLite itself, and reads its definition. Indexes and triggers come along only
    /// under the table's own name: under another one their names would be taken.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotKindMismatch"/>: the table cannot be copied alone, or not into this database.</exception>
    public TableDefinition Prepare(string table, string name)
    {
        using var scratch = SqliteConnections.OpenAlone(copy);
        scratch.Execute("PRAGMA journal_mode = DELETE; PRAGMA foreign_keys = OFF");
        MatchEncoding(scratch);
        RefuseShadow(scratch, table);
        RequireModule(scratch, table);
        if (name == table)
        {
            return TableDefinition.Read(scratch, name);
        }

        Rename(scratch, table, name);
        return TableDefinition.Read(scratch, name) with { Others = [], UnmakeableIndexes = [] };
    }

    private void MatchEncoding(SqliteConnection scratch)
    {
        var encoding = scratch.Scalar<string>("PRAGMA encoding");
        if (liveIsEmpty)
        {
            live.Execute($"PRAGMA encoding = '{encoding}'; PRAGMA page_size = {scratch.Scalar<int>("PRAGMA page_size")}");
        }
        else if (live.Scalar<string>("PRAGMA encoding") is var own && own != encoding)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, $"The snapshot keeps its texts as {encoding} and '{live.DataSource}' as {own}, and SQLite joins no two of them. Restore the whole database beside it, and copy the table with the application.");
        }
    }

    private static void RefuseShadow(SqliteConnection scratch, string table)
    {
        if (ShadowTables.OwnerOf(scratch, table) is { } owner)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, $"'{table}' holds a part of the virtual table '{owner}' and makes no sense alone. Restore '{owner}'.", table);
        }
    }

    private static void RequireModule(SqliteConnection scratch, string table)
    {
        if (scratch.Scalar<long>($"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = {SqlText.Literal(table)} AND sql LIKE 'CREATE VIRTUAL%'") == 0)
        {
            return;
        }

        try
        {
            scratch.Execute($"SELECT 1 FROM {SqliteConnections.Quote(table)} LIMIT 0");
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Error)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, $"'{table}' is a virtual table of a kind that only the application has, so it cannot be copied alone: {e.Message} Restore the whole database beside the live one.", table, e);
        }
    }

    private static void Rename(SqliteConnection scratch, string table, string name)
    {
        // They may name what is not there, which stops a renaming. The copy needs none of them, nor any index.
        foreach (var (type, other) in scratch.Column("SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'trigger') ORDER BY type", r => (r.GetString(0), r.GetString(1))))
        {
            scratch.Execute($"DROP {type} IF EXISTS {SqliteConnections.Quote(other)}");
        }

        // The live database was looked at: only the scratch copy has a table of that name.
        scratch.Execute($"DROP TABLE IF EXISTS {SqliteConnections.Quote(name)}");
        foreach (var index in scratch.Column("SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL", r => r.GetString(0)))
        {
            scratch.Execute($"DROP INDEX {SqliteConnections.Quote(index)}");
        }

        new ApplicationNames(scratch, table).Define($"ALTER TABLE {SqliteConnections.Quote(table)} RENAME TO {SqliteConnections.Quote(name)}");
    }
}
