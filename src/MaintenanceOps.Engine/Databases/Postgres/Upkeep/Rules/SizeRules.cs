namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Where the bytes are.</summary>
internal static class SizeRules
{
    private const long Worth = 1L << 20;

    private static readonly string TopSql = $"""
        WITH {CatalogSql.Locked}
        SELECT format('%I.%I', n.nspname, c.relname), {CatalogSql.Size("pg_total_relation_size")} AS size
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}
        ORDER BY 2 DESC LIMIT 5
        """;

    private const string WalSql = """
        SELECT (SELECT coalesce(sum(size), 0)::bigint FROM pg_ls_waldir()), pg_size_bytes(current_setting('max_wal_size')), pg_size_bytes(current_setting('wal_keep_size'))
        """;

    public static IEnumerable<DatabaseFinding> Top(Inspection inspection) =>
        from t in inspection.Rows(TopSql, r => (Name: r.GetString(0), Size: r.GetInt64(1)))
        where t.Size >= Worth
        select inspection.Finding(FindingSeverity.Information, "TopRelation", t.Name, $"{t.Name} has {ByteSize.Format(t.Size)} with its indexes, one of the five largest tables.") with { Size = t.Size };

    public static IEnumerable<DatabaseFinding> Wal(Inspection inspection) =>
        from w in inspection.Rows(WalSql, r => (Size: r.GetInt64(0), Most: r.GetInt64(1), Keep: r.GetInt64(2)))
        where w.Size > (2 * w.Most) + w.Keep
        select inspection.Finding(
            FindingSeverity.Warning, "WalSize", "pg_wal",
            $"The log has {ByteSize.Format(w.Size)}; max_wal_size means it to stay about {ByteSize.Format(w.Most)}.") with
        {
            Size = w.Size,
            Ratio = (double)w.Size / w.Most,
            Advice = "A replication slot that nobody reads, an archive command that fails, or a burst of writes holds it. Never delete its files by hand.",
        };
}
