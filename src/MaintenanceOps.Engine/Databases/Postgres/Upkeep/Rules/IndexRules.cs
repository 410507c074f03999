using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Indexes that cost with each write and that nobody needs; a person decides.</summary>
internal static class IndexRules
{
    private const string Together = " It is dropped with all its parts at once, which keeps everybody out of the table for a moment.";

    /// <summary>What only takes the log, or a copy, uses no index.</summary>
    private const string StandbySql = """
        SELECT DISTINCT coalesce(nullif(r.application_name, ''), 'one without a name') FROM pg_stat_replication r
        LEFT JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.slot_type IS DISTINCT FROM 'logical'
          AND r.state IS DISTINCT FROM 'backup' AND r.application_name NOT IN ('pg_receivewal', 'pg_basebackup', 'barman_receive_wal') ORDER BY 1
        """;

    /// <summary>Since when uses are counted: the database's counters, or else all of the server's.</summary>
    private const string SinceSql = """
        SELECT extract(epoch FROM now() - greatest(pg_stat_get_db_stat_reset_time(d.oid), (SELECT b.stats_reset FROM pg_stat_bgwriter b)))::float8
        FROM pg_database d WHERE d.datname = current_database()
        """;

    private static readonly string UnusedSql = $"""
        WITH RECURSIVE {CatalogSql.Locked}, {CatalogSql.Family}
        SELECT * FROM (
          SELECT format('%I.%I', n.nspname, c.relname), format('%I.%I', n.nspname, t.relname), {CatalogSql.IndexSize} AS size, c.relkind = 'I'
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('i', 'I') AND NOT c.relispartition AND i.indisvalid AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}
            AND NOT (i.indisunique OR i.indisprimary OR i.indisexclusion OR i.indisreplident OR i.indisclustered)
            AND {CatalogSql.IndexScans} = 0
            AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))) u
        WHERE u.size >= $1
        """;

    /// <summary>Among equals the one to keep is that of a constraint, then the one that is used most, then the oldest.</summary>
    private static readonly string DuplicateSql = $"""
        WITH RECURSIVE {CatalogSql.Locked}, {CatalogSql.Family}, all_indexes AS (
          SELECT c.oid, c.relpages, c.relkind, format('%I.%I', n.nspname, c.relname) AS name, format('%I.%I', n.nspname, t.relname) AS owner,
            k.oid IS NOT NULL AS bound, first_value(c.oid) OVER w AS kept, first_value(format('%I.%I', n.nspname, c.relname)) OVER w AS keeper, count(*) OVER (PARTITION BY i.indrelid, c.relam, {IndexSql.Content("i")}) AS equals
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')
          WHERE c.relkind IN ('i', 'I') AND NOT c.relispartition AND i.indisvalid AND NOT i.indisexclusion AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}
          WINDOW w AS (PARTITION BY i.indrelid, c.relam, {IndexSql.Content("i")}
            ORDER BY k.oid IS NULL, NOT i.indisprimary, NOT i.indisreplident, {CatalogSql.IndexScans} DESC, c.oid))
        SELECT c.name, c.owner, c.keeper, {CatalogSql.IndexSize}, c.bound, c.relkind = 'I'
        FROM all_indexes c WHERE c.equals > 1 AND c.kept <> c.oid
        """;

    public static IEnumerable<DatabaseFinding> Unused(Inspection inspection)
    {
        var since = inspection.Rows(SinceSql, r => r.IsDBNull(0) ? (double?)null : r.GetDouble(0)) is [{ } seconds] ? TimeSpan.FromSeconds(seconds) : TimeSpan.Zero;
        if (since < inspection.Limits.UnusedAfter)
        {
            return [];
        }

        var standbys = Standbys(inspection);
        return
            from i in inspection.Rows(UnusedSql, r => (Name: r.GetString(0), Table: r.GetString(1), Size: r.GetInt64(2), Partitioned: r.GetBoolean(3)), inspection.Limits.UnusedSize)
              select inspection.Finding(
                  FindingSeverity.Information, "UnusedIndex", i.Name,
                  string.Create(CultureInfo.InvariantCulture, $"{i.Name} on {i.Table} was used by no query in the {since.TotalDays:0} days that are counted.")) with
              {
                  Size = i.Size,
                  Gain = i.Size,
                  Sql = Drop(i.Name, i.Partitioned),
                  Advice = "It may be newer than the counters, or wait for the end of a month." + standbys + (i.Partitioned ? Together : ""),
              };
    }

    public static IEnumerable<DatabaseFinding> Duplicate(Inspection inspection) =>
        from i in inspection.Rows(DuplicateSql, r => (Name: r.GetString(0), Table: r.GetString(1), Keeper: r.GetString(2), Size: r.GetInt64(3), Bound: r.GetBoolean(4), Partitioned: r.GetBoolean(5)))
        select inspection.Finding(FindingSeverity.Warning, "DuplicateIndex", i.Name, $"{i.Name} on {i.Table} is the same as {i.Keeper}.") with
        {
            Size = i.Size,
            Gain = i.Bound ? null : i.Size,
            Sql = i.Bound ? "" : Drop(i.Name, i.Partitioned),
            Advice = i.Bound ? "Both belong to constraints; dropping one of those drops its index." : "One of them is enough for reading, and each write pays for both." + (i.Partitioned ? Together : ""),
        };

    /// <summary>What a partitioned index has below it goes with it; the server knows no way to do that beside the application.</summary>
    private static string Drop(string index, bool partitioned) => partitioned ? $"DROP INDEX {index};" : $"DROP INDEX CONCURRENTLY {index};";

    /// <summary>A standby counts uses for itself, and this server knows only those that are connected.</summary>
    private static string Standbys(Inspection inspection)
    {
        var names = inspection.Rows(StandbySql, r => r.GetString(0));
        return names.Count > 0
            ? $" Standbys count for themselves and were not looked at: ask {string.Join(", ", names)} before you drop it."
            : " Standbys count for themselves; none is connected now.";
    }
}
