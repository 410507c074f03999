namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Foreign keys of large tables without an index: each delete on the other side reads the whole table.</summary>
internal static class ForeignKeyRule
{
    /// <summary>An entry of a B-tree over a key of eight bytes: 16 of them, a pointer of 4, in pages that are filled to 90 %.</summary>
    private const double EntryBytes = 20 / 0.9;

    /// <summary>An index serves where the key's columns, in whatever order, are its first ones.</summary>
    private static readonly string Sql = $"""
        SELECT format('%I.%I', n.nspname, c.relname), greatest(c.reltuples, 0)::float8, k.conname::text, (k.confrelid::regclass)::text, c.relpages::bigint * {CatalogSql.BlockSize},
          (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY x.position) FROM unnest(k.conkey) WITH ORDINALITY AS x(number, position)
           JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = x.number)
        FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE k.contype = 'f' AND c.relkind = 'r' AND {CatalogSql.UserSchema} AND c.relpages::bigint * {CatalogSql.BlockSize} >= $1
          AND NOT EXISTS (
            SELECT 1 FROM pg_index i
            WHERE i.indrelid = k.conrelid AND i.indisvalid AND i.indpred IS NULL
              AND (i.indkey::int2[])[0:array_length(k.conkey, 1) - 1] @> k.conkey)
        """;

    public static IEnumerable<DatabaseFinding> Look(Inspection inspection) =>
        from k in inspection.Rows(Sql, r => (Table: r.GetString(0), Rows: r.GetDouble(1), Key: r.GetString(2), Other: r.GetString(3), Size: r.GetInt64(4), Columns: r.GetString(5)), inspection.Limits.ForeignKeyTableSize)
        select inspection.Finding(FindingSeverity.Information, "MissingForeignKeyIndex", k.Table, $"{k.Table} refers to {k.Other} by {k.Columns} ({k.Key}), and no index begins with that.") with
        {
            Size = k.Size,
            EstimatedTime = Throughput.Reindex(k.Size),
            EstimatedSpace = (long)(k.Rows * EntryBytes),
            Sql = $"CREATE INDEX CONCURRENTLY ON {k.Table} ({k.Columns});",
            Advice = $"Each row that is deleted from {k.Other}, or gets another key, reads all of {k.Table}. Where that never happens nothing is missing.",
        };
}
