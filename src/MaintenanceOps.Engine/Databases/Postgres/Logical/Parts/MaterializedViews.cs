namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>Materialized views cannot be replaced: they are dropped and made anew, with what belongs to them and what reads them.</summary>
internal static class MaterializedViews
{
    private const string Above = """
        WITH RECURSIVE above(oid, depth) AS (
            SELECT pg_catalog.to_regclass($1)::oid, 0
            UNION
            SELECT r.ev_class, above.depth + 1
            FROM above
            JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = above.oid AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
            JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.ev_class <> above.oid AND r.rulename = '_RETURN'
        )
        SELECT n.nspname, c.relname, c.relkind = 'm', pg_catalog.array_to_string(c.reloptions, ', '), pg_catalog.pg_get_viewdef(c.oid)
        FROM above JOIN pg_catalog.pg_class c ON c.oid = above.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE above.depth > 0
        GROUP BY n.nspname, c.relname, c.relkind, c.reloptions, c.oid ORDER BY max(above.depth), c.oid
        """;

    private const string Belongings = """
        SELECT pg_catalog.pg_get_indexdef(i.indexrelid) || ';' FROM pg_catalog.pg_index i WHERE i.indrelid = pg_catalog.to_regclass($1)
        UNION ALL
        SELECT pg_catalog.format('ALTER %s %s OWNER TO %I;', CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END, $1, pg_catalog.pg_get_userbyid(c.relowner)) FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)
        """;

    /// <summary>The statements that make a materialized view anew: what reads it goes first and comes last; rights have to be given again.</summary>
    public static string Remake(PostgresServer live, TableName view, string options, string definition)
    {
        var above = live.Rows(Above, r => (Name: new TableName(r.GetString(0), r.GetString(1)), IsStored: r.GetBoolean(2), Options: r.IsDBNull(3) ? "" : $" WITH ({r.GetString(3)})", Definition: r.GetString(4)), view.Quoted);
        IEnumerable<string> drops = Enumerable.Reverse(above).Select(a => $"DROP {Kind(a.IsStored)} {a.Name.Quoted};");
        IEnumerable<string> makes = above.SelectMany(a => Make(live, a.Name, a.IsStored, a.Options, a.Definition));
        return string.Join(" ", [.. drops, $"DROP MATERIALIZED VIEW {view.Quoted};", .. Make(live, view, true, options, definition), .. makes]);
    }

    private static IEnumerable<string> Make(PostgresServer live, TableName name, bool isStored, string options, string definition) =>
        [$"CREATE {Kind(isStored)} {name.Quoted}{options} AS {definition}", .. live.Rows(Belongings, r => r.GetString(0), name.Quoted)];

    private static string Kind(bool isStored) => isStored ? "MATERIALIZED VIEW" : "VIEW";
}
