using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>How often a block was found in memory since the last look. Counters since the start say nothing of today.</summary>
internal static class CacheRule
{
    /// <summary>Fewer blocks from the disk are no pattern.</summary>
    private const long Enough = 10_000;
    private const double Good = 0.9;

    /// <summary>Only the application's tables: the inspection itself reads the catalog.</summary>
    private const string Sql = $"""
        SELECT coalesce(sum(pg_stat_get_blocks_fetched(c.oid)), 0)::bigint, coalesce(sum(pg_stat_get_blocks_hit(c.oid)), 0)::bigint
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm', 'i') AND {CatalogSql.UserSchema}
        """;

    private static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    public static IEnumerable<DatabaseFinding> Look(Inspection inspection)
    {
        if (inspection.History is not { } history)
        {
            return [];
        }

        var last = Sample(inspection);
        var first = history.Counted(inspection.Key, last.Fetched, last.Hit, inspection.Cancellation);

        // Counters that went back were reset, by somebody or by a crash.
        return first is { Fetched: { } fetched, Hit: { } hit } && DateTimeOffset.UtcNow - first.At is var interval && interval > Shortest && interval < Longest && last.Fetched >= fetched && last.Hit >= hit
            ? Judge(inspection, (fetched, hit), last, interval)
            : [];
    }

    internal static IEnumerable<DatabaseFinding> Judge(Inspection inspection, (long Fetched, long Hit) first, (long Fetched, long Hit) last, TimeSpan interval)
    {
        var (fetched, hit) = (last.Fetched - first.Fetched, last.Hit - first.Hit);
        var ratio = (double)hit / Math.Max(1, fetched);
        return fetched - hit < Enough || ratio >= Good
            ? []
            : [inspection.Finding(
                FindingSeverity.Information, "CacheHitRatio", "shared_buffers",
                string.Create(CultureInfo.InvariantCulture, $"In {Duration.Format(interval)}, {ratio:P0} of {fetched:#,0} blocks were found in the server's memory.")) with
            {
                Ratio = ratio,
                Advice = "The system's own cache may have had the rest. Where this is so for long, more shared_buffers, an index or less reading helps.",
            }];
    }

    private static (long Fetched, long Hit) Sample(Inspection inspection) => inspection.Rows(Sql, r => (r.GetInt64(0), r.GetInt64(1))).Single();
}
