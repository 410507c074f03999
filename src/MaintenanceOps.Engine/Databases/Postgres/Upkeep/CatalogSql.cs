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

    /// <summary>
    /// A recursive CTE with all that hangs below what is partitioned, tables and indexes. The server's own function for it
    /// would lock each of them.
    /// </summary>
    public const string Family = """
        family(root, oid) AS (
          SELECT c.oid, c.oid FROM pg_class c WHERE c.relkind IN ('p', 'I') AND NOT c.relispartition
          UNION ALL SELECT f.root, i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.oid)
        """;

    /// <summary>The size of the index <c>c</c>, or of all parts of a partitioned one.</summary>
    public static readonly string IndexSize = $"""
        CASE WHEN c.relkind = 'i' THEN {Size("pg_relation_size")}
          ELSE (SELECT coalesce(sum(p.relpages), 0)::bigint * {BlockSize} FROM family f JOIN pg_class p ON p.oid = f.oid AND p.relkind = 'i' WHERE f.root = c.oid) END
        """;

    /// <summary>How often the index <c>c</c>, or any part of a partitioned one, was used.</summary>
    public const string IndexScans = """
        CASE WHEN c.relkind = 'i' THEN pg_stat_get_numscans(c.oid) ELSE (SELECT coalesce(sum(pg_stat_get_numscans(f.oid)), 0) FROM family f WHERE f.root = c.oid) END
        """;

    /// <summary>An option of a relation, as text; null where it has none of its own.</summary>
    public static string Option(string name, string relation = "c") =>
        $"(SELECT o.option_value FROM pg_options_to_table({relation}.reloptions) o WHERE o.option_name = '{name}')";
}
