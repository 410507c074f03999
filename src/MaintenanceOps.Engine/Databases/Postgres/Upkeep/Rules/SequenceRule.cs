using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Rules;

/// <summary>Sequences that come to their end, or to that of the column that they number.</summary>
internal static class SequenceRule
{
    private const double Warning = 0.75;
    private const double Critical = 0.9;

    /// <summary>From this version on there is a role that may read everything.</summary>
    private const int ReadAllData = 140000;

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

    /// <summary>How far a sequence is the server tells only to those who may read it; members of pg_monitor may not.</summary>
    private const string HiddenSql = $"""
        SELECT count(*), min(format('%I.%I', n.nspname, c.relname)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relpersistence <> 't' AND {CatalogSql.UserSchema} AND CASE WHEN c.relkind = 'S' THEN NOT has_sequence_privilege(c.oid, 'USAGE, SELECT') END
        """;

    public static IEnumerable<DatabaseFinding> Look(Inspection inspection)
    {
        if (inspection.Rows(HiddenSql, r => (Count: r.GetInt64(0), One: r.IsDBNull(1) ? "" : r.GetString(1)))[0] is { Count: > 0 } hidden)
        {
            var reason = $"the user may not read {hidden.Count} of the sequences, {hidden.One} among them";
            yield return inspection.Version >= ReadAllData
                ? inspection.Hidden("SequenceNearEnd", reason, "pg_read_all_data", "A member of pg_read_all_data may read all rows, and change nothing.")
                : inspection.Hidden("SequenceNearEnd", reason, $"SELECT ON SEQUENCE {hidden.One}", "The same goes for the others; before PostgreSQL 14 there is no role that may read all.");
        }

        foreach (var finding in NearEnd(inspection))
        {
            yield return finding;
        }
    }

    private static IEnumerable<DatabaseFinding> NearEnd(Inspection inspection) =>
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
