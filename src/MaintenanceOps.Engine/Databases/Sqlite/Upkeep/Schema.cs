using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>A column of an index: its name, null for an expression; its order and its collation.</summary>
internal sealed record IndexColumn(string? Name, bool Descending, string Collation);

/// <summary>An index as the schema describes it.</summary>
internal sealed record TableIndex
{
    public required string Name { get; init; }

    public required bool Unique { get; init; }

    /// <summary>Made by CREATE INDEX, and so not the means of a constraint in the table's definition.</summary>
    public required bool IsCreated { get; init; }

    /// <summary>It is the table itself: the primary key of a table WITHOUT ROWID.</summary>
    public required bool IsTable { get; init; }

    public required IReadOnlyList<IndexColumn> Columns { get; init; }

    /// <summary>What its statement says after the table's name; told apart only by this where it has expressions.</summary>
    public required IndexBody Body { get; init; }

    public bool HasExpressions => Columns.Any(c => c.Name is null);

    public bool IsPartial => Body.Where.Length > 0;
}

/// <summary>A foreign key of a table, with the columns of the table that hold it.</summary>
internal sealed record ForeignKey(string Parent, IReadOnlyList<string> Columns);

/// <summary>A table that an application made, with what the rules look at.</summary>
internal sealed record Table
{
    public required string Name { get; init; }

    public required bool WithoutRowid { get; init; }

    public required IReadOnlyList<string> Columns { get; init; }

    /// <summary>The column that is the rowid by another name; null where there is none.</summary>
    public required string? RowidColumn { get; init; }

    public required IReadOnlyList<TableIndex> Indexes { get; init; }

    public required IReadOnlyList<ForeignKey> ForeignKeys { get; init; }

    /// <summary>A name by which the rowid can be asked for; null where there is none or columns took all of them.</summary>
    public string? Rowid => WithoutRowid
        ? null
        : RowidColumn ?? Array.Find(["rowid", "_rowid_", "oid"], n => !Columns.Contains(n, StringComparer.OrdinalIgnoreCase));
}

/// <summary>Reads the tables of a schema; the shadow tables of virtual ones belong to their modules and are left out.</summary>
internal static class Schema
{
    public static List<Table> Tables(SqliteConnection connection, CancellationToken cancellation)
    {
        var names = connection.Column(
            "SELECT name, wr FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
            r => (Name: r.GetString(0), WithoutRowid: r.GetBoolean(1)));
        var tables = new List<Table>();
        foreach (var (name, withoutRowid) in names)
        {
            cancellation.ThrowIfCancellationRequested();
            tables.Add(Read(connection, name, withoutRowid));
        }

        return tables;
    }

    /// <summary>A text as SQL writes it.</summary>
    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static Table Read(SqliteConnection connection, string name, bool withoutRowid)
    {
        var columns = connection.Column($"SELECT name, type, pk FROM pragma_table_xinfo({Literal(name)}) ORDER BY cid", r => (Name: r.GetString(0), Type: r.GetString(1), Key: r.GetInt32(2)));
        var indexes = connection.Column(
            $"SELECT l.name, l.\"unique\", l.origin, s.sql FROM pragma_index_list({Literal(name)}) l LEFT JOIN sqlite_schema s ON s.type = 'index' AND s.name = l.name ORDER BY l.name",
            r => ReadIndex(connection, r, withoutRowid));
        var key = columns.Where(c => c.Key > 0).ToList();

        // An INTEGER PRIMARY KEY needs no index, so the one that has an index is not the rowid (INTEGER PRIMARY KEY DESC).
        var isRowid = !withoutRowid && key.Count == 1 && key[0].Type.Equals("INTEGER", StringComparison.OrdinalIgnoreCase)
            && connection.Scalar<long>($"SELECT count(*) FROM pragma_index_list({Literal(name)}) WHERE origin = 'pk'") == 0;
        return new Table
        {
            Name = name,
            WithoutRowid = withoutRowid,
            Columns = columns.ConvertAll(c => c.Name),
            RowidColumn = isRowid ? key[0].Name : null,
            Indexes = indexes,
            ForeignKeys = ForeignKeys(connection, name),
        };
    }

    private static TableIndex ReadIndex(SqliteConnection connection, SqliteDataReader row, bool withoutRowid) => new()
    {
        Name = row.GetString(0),
        Unique = row.GetBoolean(1),
        IsCreated = row.GetString(2) == "c",
        IsTable = withoutRowid && row.GetString(2) == "pk",
        Columns = connection.Column(
            $"SELECT name, \"desc\", coll FROM pragma_index_xinfo({Literal(row.GetString(0))}) WHERE key = 1 ORDER BY seqno",
            r => new IndexColumn(r.IsDBNull(0) ? null : r.GetString(0), r.GetBoolean(1), r.IsDBNull(2) ? "BINARY" : r.GetString(2))),
        Body = IndexBody.Of(row.IsDBNull(3) ? "" : row.GetString(3)),
    };

    private static List<ForeignKey> ForeignKeys(SqliteConnection connection, string table) =>
        [.. connection.Column($"SELECT id, \"table\", \"from\" FROM pragma_foreign_key_list({Literal(table)}) ORDER BY id, seq", r => (Id: r.GetInt32(0), Parent: r.GetString(1), Column: r.GetString(2)))
            .GroupBy(c => (c.Id, c.Parent))
            .Select(g => new ForeignKey(g.Key.Parent, [.. g.Select(c => c.Column)]))];
}
