namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>A table with the rows that were changed since it was last looked after, and from where on autovacuum would act.</summary>
internal sealed record TableNeeds
{
    /// <summary>From this version on <c>autovacuum_vacuum_max_threshold</c> and <c>relallfrozen</c> are there.</summary>
    private const int WithMost = 180000;

    /// <summary>
    /// As autovacuum computes it: a threshold and a share of the rows, the table's own before the server's. For values out
    /// of line the TOAST table's own options go, or where it has none at all those of its table. From version 18 on there is a
    /// most for dead rows, and of inserted ones only the pages count that are not frozen.
    /// </summary>
    private static string Sql(int version) => $"""
        WITH {CatalogSql.Locked}, t AS (
          SELECT c.oid, c.relpages, format('%I.%I', n.nspname, c.relname) AS name, greatest(c.reltuples, 0)::float8 AS rows,
            pg_stat_get_dead_tuples(c.oid) AS dead, pg_stat_get_ins_since_vacuum(c.oid) AS inserted, pg_stat_get_mod_since_analyze(c.oid) AS modified,
            pg_stat_get_live_tuples(c.oid) AS live,
            pg_stat_get_last_analyze_time(c.oid) IS NULL AND pg_stat_get_last_autoanalyze_time(c.oid) IS NULL AS unanalyzed,
            coalesce(o.enabled, true) AS enabled,
            coalesce(o.vt, current_setting('autovacuum_vacuum_threshold')::float8) AS vt,
            coalesce(o.vs, current_setting('autovacuum_vacuum_scale_factor')::float8) AS vs,
            coalesce(o.it, current_setting('autovacuum_vacuum_insert_threshold')::float8) AS it,
            coalesce(o.ins, current_setting('autovacuum_vacuum_insert_scale_factor')::float8) AS ins,
            coalesce(o.at, current_setting('autovacuum_analyze_threshold')::float8) AS at,
            coalesce(o.asf, current_setting('autovacuum_analyze_scale_factor')::float8) AS asf,
            coalesce(pg_stat_get_dead_tuples(x.oid), 0) AS overflow_dead, coalesce(pg_stat_get_live_tuples(x.oid), 0) AS overflow_live, greatest(x.reltuples, 0)::float8 AS overflow_rows,
            CASE WHEN x.reloptions IS NULL THEN o.vt ELSE {CatalogSql.Option("autovacuum_vacuum_threshold", "x")}::float8 END AS overflow_vt,
            CASE WHEN x.reloptions IS NULL THEN o.vs ELSE {CatalogSql.Option("autovacuum_vacuum_scale_factor", "x")}::float8 END AS overflow_vs,
            {(version >= WithMost ? "nullif(coalesce(o.vm, current_setting('autovacuum_vacuum_max_threshold')::float8), -1)" : "NULL::float8")} AS vm,
            {(version >= WithMost ? "CASE WHEN c.relpages > 0 THEN 1 - least(c.relallfrozen, c.relpages)::float8 / c.relpages ELSE 1 END" : "1::float8")} AS unfrozen
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN pg_class x ON x.oid = c.reltoastrelid
          CROSS JOIN LATERAL (
            SELECT bool_and(option_value::bool) FILTER (WHERE option_name = 'autovacuum_enabled') AS enabled,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_vacuum_threshold') AS vt,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_vacuum_scale_factor') AS vs,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_vacuum_max_threshold') AS vm,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_vacuum_insert_threshold') AS it,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_vacuum_insert_scale_factor') AS ins,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_analyze_threshold') AS at,
              max(option_value::float8) FILTER (WHERE option_name = 'autovacuum_analyze_scale_factor') AS asf
            FROM (SELECT * FROM pg_options_to_table(c.reloptions) WHERE option_name LIKE 'autovacuum%') p) o
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {CatalogSql.UserSchema})
        SELECT c.oid, c.name, {CatalogSql.Size("pg_table_size")}, c.rows, c.live, c.dead, least(c.vt + c.vs * c.rows, c.vm),
          c.inserted, CASE WHEN c.it < 0 THEN 'Infinity'::float8 ELSE c.it + c.ins * c.rows * c.unfrozen END, c.modified, c.at + c.asf * c.rows, c.unanalyzed, c.enabled,
          c.overflow_dead, c.overflow_live, least(coalesce(c.overflow_vt, current_setting('autovacuum_vacuum_threshold')::float8)
            + coalesce(c.overflow_vs, current_setting('autovacuum_vacuum_scale_factor')::float8) * coalesce(c.overflow_rows, 0), c.vm)
        FROM t AS c WHERE c.dead > 0 OR c.inserted > 0 OR c.modified > 0 OR c.overflow_dead > 0
        """;

    public required uint Id { get; init; }

    public required string Name { get; init; }

    public required long Size { get; init; }

    public required double Rows { get; init; }

    public required long Live { get; init; }

    public required long Dead { get; init; }

    public required double DeadLimit { get; init; }

    public required long Inserted { get; init; }

    public required double InsertedLimit { get; init; }

    public required long Modified { get; init; }

    public required double ModifiedLimit { get; init; }

    public required bool NeverAnalyzed { get; init; }

    /// <summary>Whether autovacuum looks after the table, as far as the table decides it.</summary>
    public required bool Autovacuum { get; init; }

    /// <summary>Dead pieces of values that are stored out of line, in the TOAST table.</summary>
    public required long OverflowDead { get; init; }

    public required long OverflowLive { get; init; }

    public required double OverflowDeadLimit { get; init; }

    public bool NeedsVacuum => Dead > DeadLimit || NeedsOverflowVacuum;

    /// <summary>Vacuuming the table does its TOAST table too; autovacuum counts them apart.</summary>
    public bool NeedsOverflowVacuum => OverflowDead > OverflowDeadLimit;

    public bool NeedsInsertVacuum => Inserted > InsertedLimit;

    public bool NeedsAnalyze => Modified > ModifiedLimit;

    public double DeadShare => Math.Max(Share(Dead, Live), NeedsOverflowVacuum ? Share(OverflowDead, OverflowLive) : 0);

    public static List<TableNeeds> Read(UpkeepSession session, CancellationToken cancellation) => session.Rows(
        Sql(session.Server.Version),
        r => new TableNeeds
        {
            Id = r.GetFieldValue<uint>(0),
            Name = r.GetString(1),
            Size = r.GetInt64(2),
            Rows = r.GetDouble(3),
            Live = r.GetInt64(4),
            Dead = r.GetInt64(5),
            DeadLimit = r.GetDouble(6),
            Inserted = r.GetInt64(7),
            InsertedLimit = r.GetDouble(8),
            Modified = r.GetInt64(9),
            ModifiedLimit = r.GetDouble(10),
            NeverAnalyzed = r.GetBoolean(11),
            Autovacuum = r.GetBoolean(12),
            OverflowDead = r.GetInt64(13),
            OverflowLive = r.GetInt64(14),
            OverflowDeadLimit = r.GetDouble(15),
        },
        cancellation);

    private static double Share(long dead, long live) => dead / (double)Math.Max(1, dead + live);
}
