using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>One table of a snapshot as it has to be made again, read out of a scratch copy in which it has its new name already.</summary>
internal sealed record TableDefinition
{
    private static readonly string[] RowidNames = ["rowid", "_rowid_", "oid"];

    public required string Name { get; init; }

    public required string Sql { get; init; }

    /// <summary>What is copied: stored columns, and the row's number in front where the table has one that is no column.</summary>
    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>All columns, generated ones too.</summary>
    public required IReadOnlyList<string> AllColumns { get; init; }

    /// <summary>False where the rows have numbers that no statement can name, since columns have all three names.</summary>
    public bool KeepsRowids { get; init; } = true;

    /// <summary>Whether ids are never given twice: the table has a counter in <c>sqlite_sequence</c>.</summary>
    public bool HasCounter { get; init; }

    /// <summary>The indexes and triggers, in the order in which they were made.</summary>
    public IReadOnlyList<(string Name, string Sql)> Others { get; init; } = [];

    /// <summary>Collations that only the application has, of all that the table and its indexes are sorted by.</summary>
    public IReadOnlyList<string> UnknownCollations { get; init; } = [];

    /// <summary>Of <see cref="Others"/>, the indexes that are sorted by one of those.</summary>
    public IReadOnlyList<string> UnmakeableIndexes { get; init; } = [];

    /// <summary>The tables that a virtual table keeps its content in.</summary>
    public IReadOnlyList<TableDefinition> Shadows { get; init; } = [];

    public bool IsVirtual => Sql.StartsWith("CREATE VIRTUAL", StringComparison.OrdinalIgnoreCase);

    /// <summary>Reads the definition of a table in <c>main</c>.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotKindMismatch"/>: a table that cannot be made alone.</exception>
    public static TableDefinition Read(SqliteConnection scratch, string name)
    {
        var literal = SqlText.Literal(name);
        var sql = scratch.Column($"SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = {literal}", r => r.GetString(0))[0];
        SqlText.RequireOneStatement(sql);
        if (sql.StartsWith("CREATE VIRTUAL", StringComparison.OrdinalIgnoreCase))
        {
            return new TableDefinition { Name = name, Sql = sql, Columns = [], AllColumns = [], Shadows = [.. ShadowTables.Of(scratch, name).Select(s => Read(scratch, s))] };
        }

        var columns = scratch.Column($"SELECT name, hidden, pk, type FROM pragma_table_xinfo({literal})", r => (Name: r.GetString(0), IsStored: r.GetInt32(1) == 0, Key: r.GetInt32(2), Type: r.GetString(3)));
        var isWithoutRowid = scratch.Scalar<long>($"SELECT wr FROM pragma_table_list({literal}) WHERE schema = 'main'") == 1;
        var keyIndex = scratch.Scalar<long>($"SELECT count(*) FROM pragma_index_list({literal}) WHERE origin = 'pk'") > 0;

        // An INTEGER PRIMARY KEY is the row's number itself, unless it has an index of its own, as one with DESC has.
        var alias = !isWithoutRowid && !keyIndex ? columns.Find(c => c.Key > 0 && c.Type.Equals("INTEGER", StringComparison.OrdinalIgnoreCase)).Name : null;
        var rowid = isWithoutRowid || alias is not null ? null : Array.Find(RowidNames, n => columns.TrueForAll(c => !SqlText.SameName(c.Name, n)));
        return new TableDefinition
        {
            Name = name,
            Sql = sql,
            Columns = [.. rowid is null ? [] : (string[])[rowid], .. columns.Where(c => c.IsStored).Select(c => SqliteConnections.Quote(c.Name))],
            AllColumns = [.. columns.Select(c => c.Name)],
            KeepsRowids = isWithoutRowid || alias is not null || rowid is not null,
            HasCounter = alias is not null && HasAutoincrement(scratch, name, alias),
            Others = scratch.Column($"SELECT name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND tbl_name = {literal} AND sql IS NOT NULL ORDER BY rowid", r => (r.GetString(0), r.GetString(1))),
        }.WithCollations(scratch, isWithoutRowid);
    }

    private TableDefinition WithCollations(SqliteConnection scratch, bool isWithoutRowid)
    {
        var used = scratch.Column(
            $"SELECT l.name, l.origin, x.coll FROM pragma_index_list({SqlText.Literal(Name)}) l, pragma_index_xinfo(l.name) x WHERE x.key = 1 AND x.coll IS NOT NULL",
            r => (Index: r.GetString(0), Origin: r.GetString(1), Collation: r.GetString(2))).Where(u => !SqlText.Collations.Contains(u.Collation, StringComparer.OrdinalIgnoreCase)).ToList();
        if (used.Find(u => u.Origin != "c") is { Collation: { } collation })
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotKindMismatch,
                $"The {(isWithoutRowid ? "rows" : "keys")} of '{Name}' are sorted by the collation '{collation}', which only the application has, so the table cannot be made here. Restore the whole database beside the live one, and copy the table with the application.",
                Name);
        }

        return this with { UnknownCollations = [.. used.Select(u => u.Collation).Distinct()], UnmakeableIndexes = [.. used.Select(u => u.Index).Distinct()] };
    }

    private static bool HasAutoincrement(SqliteConnection scratch, string table, string column) =>
        raw.sqlite3_table_column_metadata(scratch.Handle, "main", table, column, out _, out _, out _, out _, out var counted) == SqliteNative.Ok && counted != 0;
}
