namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>
/// Finds a function of an extension to call it. Whoever owns the schema that an extension is in can put functions of the same
/// name beside those of the extension, which PostgreSQL would choose where they fit the call better: only a member of the
/// extension that is written in C, as only a superuser can make one, is called, and with exactly its types.
/// </summary>
internal static class ExtensionFunction
{
    private const string Sql = """
        SELECT format('%I.%I', n.nspname, p.proname)
        FROM pg_extension e
        JOIN pg_depend d ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.classid = 'pg_proc'::regclass AND d.deptype = 'e'
        JOIN pg_proc p ON p.oid = d.objid JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
        WHERE e.extname = $1 AND p.proname = $2 AND l.lanname = 'c'
          AND (SELECT string_agg(format_type(t.type, NULL), ',' ORDER BY t.number) FROM unnest(p.proargtypes) WITH ORDINALITY AS t(type, number)) = $3
        """;

    /// <summary>The function as SQL writes it.</summary>
    /// <param name="server">The session that will call it.</param>
    /// <param name="extension">The extension.</param>
    /// <param name="name">The function.</param>
    /// <param name="types">The types of all its arguments, such as <c>regclass,boolean</c>; each is to be given with its type.</param>
    /// <returns>Null where the extension is not there or has no such function.</returns>
    public static string? Find(PostgresServer server, string extension, string name, string types) =>
        server.Rows(Sql, r => r.GetString(0), extension, name, types).FirstOrDefault();

    /// <summary>Whether a database has the extension.</summary>
    public static bool IsThere(PostgresServer server, string extension) =>
        server.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = $1)", extension);
}
