namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>A partitioned table whose statistics as a whole are missing or old: autovacuum gathers those of its parts only.</summary>
/// <param name="Name">As SQL writes it.</param>
/// <param name="NeverAnalyzed">Whether the whole has no statistics.</param>
/// <param name="Rows">In all parts.</param>
/// <param name="Changed">Rows of the parts that were analyzed anew since.</param>
/// <param name="Size">Bytes of all parts, without their indexes.</param>
/// <param name="Parts">The parts, which are analyzed together with the whole.</param>
internal sealed record PartitionedNeeds(string Name, bool NeverAnalyzed, double Rows, double Changed, long Size, IReadOnlySet<uint> Parts)
{
    /// <summary>
    /// Nobody counts the changed rows of the whole. That a part was analyzed again tells that it changed by autovacuum's
    /// measure; within a day it may have been the very run that analyzed the whole. Servers before 14 do not tell when that was.
    /// </summary>
    private static readonly string Sql = $"""
        WITH RECURSIVE {CatalogSql.Family}, whole AS (
          SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, c.reltuples < 0 AS unanalyzed, pg_stat_get_last_analyze_time(c.oid) AS last
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind = 'p' AND NOT c.relispartition AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}),
        parts AS (
          SELECT f.root, p.oid, greatest(p.reltuples, pg_stat_get_live_tuples(p.oid), 0)::float8 AS rows, p.relpages::bigint * {CatalogSql.BlockSize} AS size,
            greatest(pg_stat_get_last_analyze_time(p.oid), pg_stat_get_last_autoanalyze_time(p.oid)) AS last
          FROM family f JOIN pg_class p ON p.oid = f.oid AND p.relkind = 'r'),
        sums AS (
          SELECT w.name, w.unanalyzed AND w.last IS NULL AS never, sum(p.rows) AS rows,
            coalesce(sum(p.rows) FILTER (WHERE p.last > w.last + interval '1 day'), 0) AS changed, sum(p.size)::bigint AS size, array_agg(p.oid) AS parts
          FROM whole w JOIN parts p ON p.root = w.oid GROUP BY 1, 2)
        SELECT s.name, s.never, s.rows, s.changed, s.size, s.parts FROM sums s
        WHERE CASE WHEN s.never THEN s.rows ELSE s.changed END
          > current_setting('autovacuum_analyze_threshold')::float8 + CASE WHEN s.never THEN 0 ELSE current_setting('autovacuum_analyze_scale_factor')::float8 * s.rows END
        """;

    private const int FirstThatTells = 140000;

    /// <summary>How long its analysis takes: a sample of the whole, and one of each part.</summary>
    public TimeSpan Time => Throughput.Analyze(Size) + (Parts.Count * Throughput.Analyze(Size / Parts.Count));

    public static List<PartitionedNeeds> Read(UpkeepSession session, CancellationToken cancellation) => session.Server.Version < FirstThatTells ? [] : session.Rows(
        Sql,
        r => new PartitionedNeeds(r.GetString(0), r.GetBoolean(1), r.GetDouble(2), r.GetDouble(3), r.GetInt64(4), r.GetFieldValue<uint[]>(5).ToHashSet()),
        cancellation);
}
