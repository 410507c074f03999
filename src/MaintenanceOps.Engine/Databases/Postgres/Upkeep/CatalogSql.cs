namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>Pieces of the queries over the catalog.</summary>
internal static class CatalogSql
{
    /// <summary>Schemas of the user: not the server's own, not another session's temporary one.</summary>
    public const string UserSchema = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'";

    public const string BlockSize = "current_setting('block_size')::bigint";

    /// <summary>
    /// A CTE with the relations that somebody keeps everybody else from, or is about to: asking for their size would wait.
    /// </summary>
    public const string Locked = """
        locked AS MATERIALIZED (
          SELECT DISTINCT l.relation FROM pg_locks l
          WHERE l.mode = 'AccessExclusiveLock' AND l.relation IS NOT NULL
            AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
        """;

    /// <summary>The size of <c>c</c>, as of the last vacuum where it is locked.</summary>
    public static string Size(string function) =>
        $"CASE WHEN c.oid IN (SELECT l.relation FROM locked l) THEN c.relpages::bigint * {BlockSize} ELSE coalesce({function}(c.oid), 0) END";

    /// <summary>An option of <c>c</c>, as text; null where the table has none of its own.</summary>
    public static string Option(string name) =>
        $"(SELECT o.option_value FROM pg_options_to_table(c.reloptions) o WHERE o.option_name = '{name}')";
}
