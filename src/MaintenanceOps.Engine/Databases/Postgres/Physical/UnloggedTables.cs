namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Tables whose rows a base backup does not have: PostgreSQL writes no log for them, so it empties them when it starts from a
/// backup.
/// </summary>
internal static class UnloggedTables
{
    private const string Sql = """
        SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1, 2
        """;

    private const int MostNames = 10;

    public static List<string> Of(PostgresServer database) => database.Rows(Sql, r => PostgresTables.Key(r.GetString(0), r.GetString(1)));

    /// <summary>What a backup and its drill say of them.</summary>
    public static string Words(string database, IReadOnlyList<string> tables) =>
        $"'{database}' has {tables.Count} unlogged {(tables.Count == 1 ? "table" : "tables")}, whose rows no base backup holds: {string.Join(", ", tables.Take(MostNames))}{(tables.Count > MostNames ? $" and {tables.Count - MostNames} more" : "")}. PostgreSQL empties them when it starts from one. Take them with a dump (-Method Logical), or make them logged with ALTER TABLE … SET LOGGED.";

    /// <summary>A table that was asked for and came back empty.</summary>
    public static UnrestoredObject Lost(string table) =>
        new($"ROWS OF UNLOGGED TABLE {table}", "A base backup does not hold them: PostgreSQL empties unlogged tables when it starts from one. The table is there without rows; take them from a dump (-Method Logical), if there is one.", "");
}
