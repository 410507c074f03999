namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Something outside of a part that PostgreSQL has bound to it by its number. A rename does not change that: it goes on with
/// what was moved aside.
/// </summary>
/// <param name="Class">The catalog that holds it, such as <c>pg_policy</c>.</param>
/// <param name="Id">Its number there.</param>
/// <param name="Words">What it is, for people.</param>
/// <param name="Sequence">The sequence that it takes numbers from, where it is bound to one.</param>
/// <param name="Type">The number of the type that it uses, where it is bound to one; else 0.</param>
internal sealed record Dependent(string Class, long Id, string Words, TableName? Sequence, long Type)
{
    /// <summary>One object may be bound by several ties, and a table by several columns, each with words of its own.</summary>
    public (string Class, long Id) Key => (Class, Id);
}

/// <summary>Asks the catalog what outside of a part depends on it.</summary>
internal static class Dependents
{
    /// <summary>
    /// Inside is what is named, what lives in the schema, and what goes with any of these: indexes, own sequences, row types,
    /// triggers. A partition or child is a table of its own, and a trigger belongs to the table that it is on and not to one that it names. Extensions and what they made are nobody's part.
    /// </summary>
    public const string Inside = """
        WITH RECURSIVE inside(classid, objid) AS (
            SELECT 'pg_catalog.pg_class'::regclass::oid, r::oid FROM pg_catalog.unnest($1) r
            UNION SELECT 'pg_catalog.pg_namespace'::regclass::oid, n.oid FROM pg_catalog.pg_namespace n WHERE n.oid = $2::oid
            UNION SELECT d.classid, d.objid FROM pg_catalog.pg_namespace n
                JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_namespace'::regclass AND d.refobjid = n.oid
                CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, 0) o
                WHERE n.oid = $2::oid AND o.schema IN (n.nspname, pg_catalog.quote_ident(n.nspname))
                  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
            UNION SELECT d.classid, d.objid FROM inside i JOIN pg_catalog.pg_depend d ON d.refclassid = i.classid AND d.refobjid = i.objid
                WHERE d.deptype IN ('a', 'i', 'P', 'S')
                  AND NOT (d.classid = 'pg_catalog.pg_class'::regclass AND EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.oid = d.objid AND c.relkind IN ('r', 'p', 'f', 'v', 'm')))
                  AND NOT (d.classid = 'pg_catalog.pg_trigger'::regclass AND i.classid = 'pg_catalog.pg_class'::regclass AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = d.objid AND t.tgrelid = i.objid))
        )
        """;

    private const string Sql = $"""
        {Inside}
        SELECT DISTINCT c.relname, d.objid::bigint, o.type || ' ' || o.identity, sn.nspname, s.relname, CASE d.refclassid WHEN 'pg_catalog.pg_type'::regclass THEN d.refobjid::bigint ELSE 0 END
        FROM inside i JOIN pg_catalog.pg_depend d ON d.refclassid = i.classid AND d.refobjid = i.objid
        JOIN pg_catalog.pg_class c ON c.oid = d.classid
        CROSS JOIN LATERAL pg_catalog.pg_identify_object(d.classid, d.objid, d.objsubid) o
        LEFT JOIN pg_catalog.pg_class s ON d.refclassid = 'pg_catalog.pg_class'::regclass AND s.oid = d.refobjid AND s.relkind = 'S'
        LEFT JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
        WHERE (d.classid, d.objid) NOT IN (SELECT classid, objid FROM inside) AND d.classid <> 'pg_catalog.pg_extension'::regclass
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
        ORDER BY 3
        """;

    /// <param name="live">The database.</param>
    /// <param name="tables">The numbers of tables.</param>
    /// <param name="schema">The number of a schema; 0 for none.</param>
    public static List<Dependent> Of(PostgresServer live, IEnumerable<long> tables, long schema = 0) => live.Rows(
        Sql,
        r => new Dependent(r.GetString(0), r.GetInt64(1), r.GetString(2), r.IsDBNull(4) ? null : new TableName(r.GetString(3), r.GetString(4)), r.GetInt64(5)),
        tables.ToArray(),
        schema);
}
