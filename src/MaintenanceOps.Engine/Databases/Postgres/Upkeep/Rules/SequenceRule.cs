using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Sequences that come to their end, or to that of the column that they number.</summary>
internal static class SequenceRule
{
    private const double Warning = 0.75;
    private const double Critical = 0.9;

    /// <summary>A sequence of 64 bits helps little where its column has 32.</summary>
    private const string Sql = """
        SELECT * FROM (
          SELECT format('%I.%I', s.schemaname, s.sequencename), s.last_value, col.name,
            least(s.max_value, CASE col.type WHEN 'int2'::regtype THEN 32767 WHEN 'int4'::regtype THEN 2147483647 ELSE s.max_value END) AS top,
            coalesce(format_type(col.type, NULL), '')
          FROM pg_sequences s
          JOIN pg_namespace n ON n.nspname = s.schemaname
          JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = s.sequencename
          LEFT JOIN LATERAL (
            SELECT a.atttypid AS type, format('%I.%I.%I', tn.nspname, t.relname, a.attname) AS name
            FROM pg_depend d JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
            LIMIT 1) col ON true
          WHERE s.increment_by > 0 AND s.last_value IS NOT NULL AND NOT s.cycle) q
        WHERE q.last_value > q.top::float8 * $1
        """;

    public static IEnumerable<DatabaseFinding> Look(Inspection inspection) =>
        from s in inspection.Rows(Sql, r => (Name: r.GetString(0), Last: r.GetInt64(1), Column: r.IsDBNull(2) ? "" : r.GetString(2), Top: r.GetInt64(3), Type: r.GetString(4)), Warning)
        let ratio = (double)s.Last / s.Top
        select inspection.Finding(
            ratio > Critical ? FindingSeverity.Error : FindingSeverity.Warning, "SequenceNearEnd", s.Name,
            string.Create(CultureInfo.InvariantCulture, $"{s.Name} is at {s.Last:#,0} of {s.Top:#,0} ({ratio:P0}){(s.Column.Length > 0 ? $", which is all that {s.Column} ({s.Type}) holds" : "")}.")) with
        {
            Ratio = ratio,
            Advice = "At the end each insert fails. A column of bigint has room; changing the type rewrites the table and keeps everybody out meanwhile.",
        };
}
