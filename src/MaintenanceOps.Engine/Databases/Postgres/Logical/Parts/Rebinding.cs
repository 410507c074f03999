namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// The statement that makes something outside of a part anew from its own words, read while these still name what is to be
/// replaced. Run when the new part has the name, it binds to that. Tables with rows are never rewritten.
/// </summary>
internal static class Rebinding
{
    /// <summary>By catalog. No row: it cannot be made anew where it is.</summary>
    private static readonly Dictionary<string, string> Statements = new(StringComparer.Ordinal)
    {
        ["pg_policy"] = """
            SELECT pg_catalog.format('ALTER POLICY %I ON %s', polname, polrelid::regclass)
                || coalesce(' USING (' || pg_catalog.pg_get_expr(polqual, polrelid) || ')', '') || coalesce(' WITH CHECK (' || pg_catalog.pg_get_expr(polwithcheck, polrelid) || ')', '')
            FROM pg_catalog.pg_policy WHERE oid = $1::oid
            """,
        ["pg_attrdef"] = """
            SELECT pg_catalog.format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', adrelid::regclass, a.attname, pg_catalog.pg_get_expr(d.adbin, d.adrelid))
            FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE d.oid = $1::oid AND coalesce(pg_catalog.to_jsonb(a)->>'attgenerated', '') = ''
            """,
        ["pg_rewrite"] = """
            SELECT pg_catalog.regexp_replace(pg_catalog.pg_get_ruledef(oid), '^CREATE RULE', 'CREATE OR REPLACE RULE')
            FROM pg_catalog.pg_rewrite WHERE oid = $1::oid AND rulename <> '_RETURN'
            """,
        ["pg_trigger"] = """
            SELECT pg_catalog.format('DROP TRIGGER %I ON %s; %s; ', tgname, tgrelid::regclass, pg_catalog.pg_get_triggerdef(t.oid))
                || CASE tgenabled WHEN 'O' THEN '' ELSE pg_catalog.format('ALTER TABLE %s %s TRIGGER %I; ', tgrelid::regclass, CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, tgname) END
                || coalesce((
                    WITH RECURSIVE below(oid) AS (
                        SELECT t.oid UNION SELECT c.oid FROM below JOIN pg_catalog.pg_trigger c ON pg_catalog.to_jsonb(c)->>'tgparentid' = below.oid::text
                    )
                    SELECT pg_catalog.string_agg(pg_catalog.format('ALTER TABLE ONLY %s %s TRIGGER %I; ', c.tgrelid::regclass, CASE c.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, c.tgname), '')
                    FROM below JOIN pg_catalog.pg_trigger c ON c.oid = below.oid WHERE c.tgenabled <> t.tgenabled), '')
                || coalesce(pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', tgname, tgrelid::regclass, pg_catalog.obj_description(t.oid, 'pg_trigger')), '')
            FROM pg_catalog.pg_trigger t WHERE t.oid = $1::oid AND NOT tgisinternal AND coalesce(pg_catalog.to_jsonb(t)->>'tgparentid', '0') = '0'
            """,
        ["pg_constraint"] = """
            SELECT pg_catalog.format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I %s', conrelid::regclass, conname, conname, pg_catalog.pg_get_constraintdef(oid))
                || coalesce(pg_catalog.format('; COMMENT ON CONSTRAINT %I ON %s IS %L', conname, conrelid::regclass, pg_catalog.obj_description(oid, 'pg_constraint')), '')
            FROM pg_catalog.pg_constraint WHERE oid = $1::oid AND contype = 'c' AND conrelid <> 0 AND coninhcount = 0
            """,
    };

    /// <summary>
    /// A function that has a row type of the part among its own types is another function when it is made anew: the old one is dropped first, by
    /// its number, and owner and rights are given again.
    /// </summary>
    private const string Function = """
        SELECT CASE WHEN coalesce(p.proallargtypes, p.proargtypes::oid[]) || p.prorettype && $2::oid[]
            THEN pg_catalog.format('DO $drop$ BEGIN EXECUTE pg_catalog.format(''DROP ROUTINE %%s'', %s::regprocedure); END $drop$; %s; ALTER ROUTINE %s OWNER TO %I; ', p.oid, pg_catalog.pg_get_functiondef(p.oid), f.name, pg_catalog.pg_get_userbyid(p.proowner))
                || CASE WHEN p.proacl IS NULL THEN '' ELSE pg_catalog.format('REVOKE ALL ON ROUTINE %s FROM PUBLIC; ', f.name) END
                || coalesce((SELECT pg_catalog.string_agg(pg_catalog.format('GRANT EXECUTE ON ROUTINE %s TO %s%s; ', f.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), '') FROM pg_catalog.aclexplode(p.proacl) a), '')
                || coalesce(pg_catalog.format('COMMENT ON ROUTINE %s IS %L', f.name, pg_catalog.obj_description(p.oid, 'pg_proc')), '')
            ELSE pg_catalog.pg_get_functiondef(p.oid) END
        FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
        CROSS JOIN LATERAL (SELECT pg_catalog.format('%I.%I(%s)', n.nspname, p.proname, pg_catalog.pg_get_function_identity_arguments(p.oid)) AS name) f
        WHERE p.oid = $1::oid AND p.prokind <> 'a'
        """;

    /// <param name="live">The database.</param>
    /// <param name="dependent">What depends.</param>
    /// <param name="types">The numbers of the types of the part that anything outside uses.</param>
    /// <returns>Null where it cannot be made anew in its place.</returns>
    public static string? Of(PostgresServer live, Dependent dependent, long[] types) => (dependent.Class == "pg_proc"
        ? live.Rows(Function, r => r.GetString(0), dependent.Id, types)
        : Statements.TryGetValue(dependent.Class, out var sql) ? live.Rows(sql, r => r.GetString(0), dependent.Id) : []).FirstOrDefault();
}
