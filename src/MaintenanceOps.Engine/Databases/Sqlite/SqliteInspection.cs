using System.Security.Cryptography;
using System.Text;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>What is counted and checked of a database, by the same statements at backup time and after a restore.</summary>
internal static class SqliteInspection
{
    private const string TablesSql =
        "SELECT name, max(CAST(rootpage AS INTEGER)) FROM sqlite_schema WHERE type = 'table' AND typeof(name) = 'text' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' GROUP BY name ORDER BY name";

    private const int ActionRead = 20;
    private const int ActionSelect = 21;
    private const int ActionFunction = 31;

    public static List<string> TableNames(SqliteConnection connection) =>
        connection.WithReadableSchema(() => connection.Column(TablesSql, r => r.GetString(0)));

    /// <summary>
    /// Every table with its rows, in the order of the names; -1 where they cannot be counted. What calls itself a table in
    /// the schema may be a view without an end, and a virtual table runs a module over content that somebody else made:
    /// neither is looked into.
    /// </summary>
    public static TableCount[] CountRows(SqliteConnection connection, CancellationToken cancellation)
    {
        var tables = connection.WithReadableSchema(() => connection.Column(TablesSql, r => (Name: r.GetString(0), HasPages: r.GetInt64(1) > 0)));
        var counts = new TableCount[tables.Count];
        using var standIns = new StandIns(connection);
        return [.. tables.Select(table =>
        {
            cancellation.ThrowIfCancellationRequested();
            return new TableCount(table.Name, table.HasPages ? CountRows(connection, table.Name, standIns) : -1);
        })];
    }

    /// <summary>
    /// Runs one statement that reads tables and nothing else: what is put together with text of the database's own can neither change
    /// anything nor reach outside of it, and a view or a further statement is refused.
    /// </summary>
    /// <exception cref="SqliteException">With <see cref="SqliteNative.Authorization"/>: it would do more.</exception>
    public static T OnlyReading<T>(SqliteConnection connection, string sql)
    {
        var selects = 0;
        delegate_authorizer onlyTheTable = (_, action, _, _, _, accessor) => action switch
        {
            ActionSelect => selects++ == 0 ? 0 : 1,
            ActionRead or ActionFunction => accessor.utf8_to_string() is null ? 0 : 1,
            _ => 1,
        };
        raw.sqlite3_set_authorizer(connection.Handle, onlyTheTable, null);
        try
        {
            return connection.Scalar<T>(sql);
        }
        finally
        {
            raw.sqlite3_set_authorizer(connection.Handle, (delegate_authorizer?)null, null);
        }
    }

    /// <summary>The first 256 bits of SHA-512 over the schema's statements, sorted.</summary>
    public static string SchemaHash(SqliteConnection connection)
    {
        var statements = connection.WithReadableSchema(() => connection.Column(
            "SELECT coalesce(type, '') || '|' || coalesce(name, '') || '|' || coalesce(sql, '') FROM sqlite_schema ORDER BY type, name",
            r => r.GetString(0)));
        var hash = SHA512.HashData(Encoding.UTF8.GetBytes(string.Join('\n', statements)));
        return Convert.ToHexStringLower(hash.AsSpan(0, 32));
    }

    /// <summary>Checks the structure, not the indexes' completeness: <c>ok</c>, or the first complaint.</summary>
    public static string QuickCheck(SqliteConnection connection) => SqliteCheck.Run(connection, thorough: false).Integrity;

    /// <summary>Checks structure and indexes; foreign keys are not part of it.</summary>
    public static string IntegrityCheck(SqliteConnection connection) => SqliteCheck.Run(connection, thorough: true).Integrity;

    /// <summary>
    /// Rows whose foreign key points to nothing, counted by table. A table that needs a collation that is not known here is
    /// left out; <see cref="SqliteCheck"/> names it.
    /// </summary>
    public static List<(string Table, string Parent, long Rows)> ForeignKeyCheck(SqliteConnection connection) =>
        BrokenKeys(connection, "PRAGMA foreign_key_check")
        ?? [.. TableNames(connection).SelectMany(t => BrokenKeys(connection, $"PRAGMA foreign_key_check({SqliteConnections.Quote(t)})") ?? [])];

    private static List<(string Table, string Parent, long Rows)>? BrokenKeys(SqliteConnection connection, string sql)
    {
        try
        {
            return [.. connection.Column(sql, r => (Table: r.GetString(0), Parent: r.GetString(2)))
                .GroupBy(row => row)
                .Select(g => (g.Key.Table, g.Key.Parent, (long)g.Count()))];
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or SqliteNative.Corrupt)
        {
            return null;
        }
    }

    /// <summary>All rows are gone through, so it does not matter in which order.</summary>
    private static long CountRows(SqliteConnection connection, string table, StandIns standIns)
    {
        string problem;
        do
        {
            try
            {
                return OnlyReading<long>(connection, $"SELECT count(*) FROM {SqliteConnections.Quote(table)}");
            }
            catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Error or SqliteNative.Corrupt or SqliteNative.Authorization)
            {
                problem = PartialSchema.MessageOf(e);
            }
        }
        while (standIns.TryAdd(problem));
        return -1;
    }
}
