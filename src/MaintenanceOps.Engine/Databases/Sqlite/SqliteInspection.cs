using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>What is counted and checked of a database, by the same statements at backup time and after a restore.</summary>
internal static class SqliteInspection
{
    private const string TablesSql =
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

    public static List<string> TableNames(SqliteConnection connection) => connection.Column(TablesSql, r => r.GetString(0));

    /// <summary>Every table with its rows, in the order of the names.</summary>
    public static TableCount[] CountRows(SqliteConnection connection, CancellationToken cancellation)
    {
        var counts = new List<TableCount>();
        foreach (var name in TableNames(connection))
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                counts.Add(new TableCount(name, connection.Scalar<long>($"SELECT count(*) FROM {SqliteConnections.Quote(name)}")));
            }
            catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or SqliteNative.Corrupt)
            {
                // A virtual table whose module is not loaded here, or a damaged table that is taken for salvage.
                counts.Add(new TableCount(name, -1));
            }
        }

        return [.. counts];
    }

    /// <summary>The first 256 bits of SHA-512 over the schema's statements, sorted.</summary>
    public static string SchemaHash(SqliteConnection connection)
    {
        var statements = connection.Column(
            "SELECT type || '|' || name || '|' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name",
            r => r.GetString(0));
        var hash = SHA512.HashData(Encoding.UTF8.GetBytes(string.Join('\n', statements)));
        return Convert.ToHexStringLower(hash.AsSpan(0, 32));
    }

    /// <summary>Checks the structure, not the indexes' completeness: <c>ok</c>, or the first complaint.</summary>
    public static string QuickCheck(SqliteConnection connection) => Check(connection, "PRAGMA quick_check(1)");

    /// <summary>Checks structure and indexes; foreign keys are not part of it.</summary>
    public static string IntegrityCheck(SqliteConnection connection) => Check(connection, "PRAGMA integrity_check(1)");

    /// <summary>Rows whose foreign key points to nothing, counted by table.</summary>
    public static List<(string Table, string Parent, long Rows)> ForeignKeyCheck(SqliteConnection connection) =>
        [.. connection.Column("PRAGMA foreign_key_check", r => (Table: r.GetString(0), Parent: r.GetString(2)))
            .GroupBy(row => row)
            .Select(g => (g.Key.Table, g.Key.Parent, (long)g.Count()))];

    private static string Check(SqliteConnection connection, string sql)
    {
        try
        {
            return string.Join("; ", connection.Column(sql, r => r.GetString(0)));
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Corrupt or SqliteNative.NotADatabase)
        {
            return e.Message;
        }
    }
}
