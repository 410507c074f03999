using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Comparison;

/// <summary>How the rows of one table are asked for and matched. Both snapshots get the same shape of it.</summary>
/// <param name="Columns">The stored columns, in their order.</param>
/// <param name="Key">The columns of the primary key, in its order; empty where there is none.</param>
/// <param name="Rowid">What names a row's number; null where the rows have none, or columns have all its names.</param>
internal sealed record ComparedTable(IReadOnlyList<string> Columns, IReadOnlyList<string> Key, string? Rowid)
{
    private const int StoredGenerated = 3;
    private static readonly string[] RowidNames = ["rowid", "_rowid_", "oid"];

    public static ComparedTable Read(SqliteConnection connection, string name)
    {
        var literal = Tables.SqlText.Literal(name);
        var columns = connection.Column($"SELECT name, hidden, pk FROM pragma_table_xinfo({literal})", r => (Name: r.GetString(0), Hidden: r.GetInt32(1), Key: r.GetInt32(2)));
        var isWithoutRowid = connection.Scalar<long>($"SELECT count(*) FROM pragma_table_list({literal}) WHERE schema = 'main' AND wr = 1") > 0;
        return new ComparedTable(
            [.. columns.Where(c => c.Hidden is 0 or StoredGenerated).Select(c => c.Name)],
            [.. columns.Where(c => c.Key > 0).OrderBy(c => c.Key).Select(c => c.Name)],
            isWithoutRowid ? null : Array.Find(RowidNames, n => columns.TrueForAll(c => !Tables.SqlText.SameName(c.Name, n))));
    }
}
