using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>The tables whose rows a dump holds, counted by the same statement at backup time and after a restore.</summary>
internal static class PostgresTables
{
    private const string Size = "pg_total_relation_size(c.oid)";

    /// <summary>The size as the last vacuum saw it, for which no lock is needed.</summary>
    private const string Estimate = "c.relpages * current_setting('block_size')::bigint";

    /// <summary>Ordinary tables and partitions with rows of their own; those that belong to an extension come with it. A replica has no rows of unlogged tables.</summary>
    private const string Sql = """
        SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname), {0}, {1}
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND NOT (c.relpersistence = 'u' AND pg_catalog.pg_is_in_recovery()) AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY 2, 3
        """;

    /// <summary>
    /// The tables with their sizes, the rows not counted, and each name as SQL writes it. A size waits for a table's lock;
    /// where somebody holds one, all sizes are estimates instead.
    /// </summary>
    public static List<(uint Oid, TableCount Table, string Quoted, string Column)> List(PostgresServer server)
    {
        // A connection of its own: the failure must not end the caller's transaction.
        using var asking = server.ConnectTo(server.Database);
        asking.Execute("SET lock_timeout = '200ms'");
        try
        {
            return Read(asking, Size);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            return Read(asking, Estimate);
        }
    }

    /// <summary>The tables with their sizes and rows, each with the number that the server has for it.</summary>
    /// <param name="server">The database.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <param name="schemas">The schemas whose tables are counted; none counts all.</param>
    public static List<(uint Oid, TableCount Table)> Count(PostgresServer server, CancellationToken cancellation, IReadOnlyCollection<string>? schemas = null)
    {
        var sql = schemas is null ? Sql : Sql.Replace("WHERE c.relkind", $"WHERE n.nspname IN ({string.Join(", ", schemas.Select(PostgresServer.Literal))}) AND c.relkind", StringComparison.Ordinal);
        return [.. Read(server, Size, sql).Select(t => (t.Oid, t.Table with { Rows = RowCount.Of(server, t.Quoted, t.Column, cancellation) }))];
    }

    private static List<(uint Oid, TableCount Table, string Quoted, string Column)> Read(PostgresServer server, string size, string sql = Sql) =>
        server.Rows(
            sql.Replace("{0}", size, StringComparison.Ordinal).Replace("{1}", RowCount.Column(server), StringComparison.Ordinal),
            r => (r.GetFieldValue<uint>(0), new TableCount(Key(r.GetString(1), r.GetString(2)), -1) { Size = r.IsDBNull(4) ? null : r.GetInt64(4) }, r.GetString(3), r.GetString(5)));

    /// <summary>Schema and table as one name; both as they are, without quotes.</summary>
    public static string Key(string schema, string table) => $"{schema}.{table}";
}
