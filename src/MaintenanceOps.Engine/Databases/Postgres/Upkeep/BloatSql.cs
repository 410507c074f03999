namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>
/// What a relation would need if it were packed, from the statistics of its columns: the header of each row, the mean widths,
/// the padding before columns that want an even address, and the fill factor.
/// </summary>
internal static class BloatSql
{
    private static string Even(string bytes) => $"(8 * ceil(({bytes}) / 8.0))";

    /// <summary>Padding is half of what it can be where the column before leaves an odd address; short texts have none.</summary>
    private const string Padding = """
        CASE WHEN a.attlen = -1 AND s.avg_width < 127 THEN 0
             WHEN a.attalign = 'd' AND (lag(a.attalign) OVER w IS DISTINCT FROM 'd' OR lag(a.attlen) OVER w = -1) AND lag(a.attlen) OVER w IS NOT NULL THEN 4
             WHEN a.attalign = 'i' AND (lag(a.attalign) OVER w IN ('c', 's') OR lag(a.attlen) OVER w = -1) THEN 2 ELSE 0 END
        """;

    /// <summary>Tables of at least so many bytes by their last vacuum. Estimated bytes are null where a column has no statistics that we may see.</summary>
    public static readonly string Tables = $"""
        WITH big AS MATERIALIZED (
          SELECT c.oid, n.nspname, c.relname, format('%I.%I', n.nspname, c.relname) AS name, c.reltuples::float8 AS rows, c.relpages::bigint * {CatalogSql.BlockSize} AS size,
            coalesce({CatalogSql.Option("fillfactor")}::float8, 100) AS fill
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}
            AND c.relpages > 0 AND c.reltuples >= 0 AND c.relpages::bigint * {CatalogSql.BlockSize} >= $1),
        columns AS (
          SELECT b.oid, s.attname, s.null_frac, (1 - s.null_frac) * (s.avg_width + {Padding}) AS width
          FROM big b JOIN pg_attribute a ON a.attrelid = b.oid AND a.attnum > 0 AND NOT a.attisdropped
          LEFT JOIN pg_stats s ON s.schemaname = b.nspname AND s.tablename = b.relname AND s.attname = a.attname AND NOT s.inherited
          WINDOW w AS (PARTITION BY b.oid ORDER BY a.attnum)),
        rows AS (
          SELECT oid, count(*) = count(attname) AS known, count(*) AS columns, sum(width) AS width, max(null_frac) AS nulls FROM columns GROUP BY oid)
        SELECT b.oid, b.name, b.size, b.fill,
          CASE WHEN r.known THEN {CatalogSql.BlockSize} * ceil(b.rows * (4 + {Even("23 + CASE WHEN r.nulls > 0 THEN ceil(r.columns / 8.0) ELSE 0 END")} + {Even("r.width")})
            / (({CatalogSql.BlockSize} - 24) * b.fill / 100)) END::bigint
        FROM big b JOIN rows r USING (oid)
        """;

    /// <summary>The same for B-trees; an expression has its statistics under the index's own name.</summary>
    public static readonly string Indexes = $"""
        WITH big AS MATERIALIZED (
          SELECT c.oid, n.nspname, c.relname, t.relname AS tablename, i.indrelid, i.indkey, format('%I.%I', n.nspname, c.relname) AS name, format('%I.%I', n.nspname, t.relname) AS owner,
            c.reltuples::float8 AS rows, c.relpages::bigint * {CatalogSql.BlockSize} AS size, m.amname,
            coalesce({CatalogSql.Option("fillfactor")}::float8, 90) AS fill
          FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_class t ON t.oid = i.indrelid
          JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_am m ON m.oid = c.relam
          WHERE c.relkind = 'i' AND i.indisvalid AND i.indisready AND NOT i.indisexclusion AND c.relpersistence <> 't' AND {CatalogSql.UserSchema}
            AND c.relpages::bigint * {CatalogSql.BlockSize} >= $1),
        columns AS MATERIALIZED (
          SELECT b.oid, b.nspname, CASE WHEN a.attnum IS NULL THEN b.relname ELSE b.tablename END AS tablename, coalesce(a.attname, k.attname) AS attname
          FROM big b JOIN pg_attribute k ON k.attrelid = b.oid
          LEFT JOIN pg_attribute a ON a.attrelid = b.indrelid AND a.attnum = b.indkey[k.attnum - 1] AND a.attnum > 0),
        rows AS (
          SELECT c.oid, count(*) = count(s.attname) AS known, sum((1 - s.null_frac) * s.avg_width) AS width, max(s.null_frac) AS nulls
          FROM columns c LEFT JOIN pg_stats s ON s.schemaname = c.nspname AND s.tablename = c.tablename AND s.attname = c.attname AND NOT s.inherited
          GROUP BY c.oid)
        SELECT b.oid, b.name, b.size, b.fill,
          CASE WHEN r.known AND b.amname = 'btree' AND b.rows >= 0 THEN {CatalogSql.BlockSize} * ceil(1 + b.rows * 1.01 * (4 + CASE WHEN r.nulls > 0 THEN 16 ELSE 8 END + {Even("r.width")})
            / (({CatalogSql.BlockSize} - 40) * b.fill / 100)) END::bigint,
          b.owner, b.amname::text
        FROM big b JOIN rows r USING (oid)
        """;
}
