namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Sequences that a table's next row may need though the catalog knows of no tie: those that are called after the table, and
/// those in the words of its defaults and triggers, of the functions that they call, and of functions that these call.
/// </summary>
internal static class NamedSequences
{
    private const string Sql = """
        WITH RECURSIVE part AS (
            SELECT c.oid, c.relnamespace, c.relname FROM pg_catalog.unnest($1::text[]) n JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(n)
        ), function AS (
            SELECT p.oid, p.prosrc, '(^|\W)' || pg_catalog.regexp_replace(p.proname, '\W', '.', 'g') || '($|\W)' AS word
            FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
            WHERE l.lanname NOT IN ('internal', 'c') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
        ), called(oid) AS (
            SELECT d.refobjid FROM pg_catalog.pg_attrdef a JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid AND d.refclassid = 'pg_catalog.pg_proc'::regclass
            WHERE a.adrelid IN (SELECT oid FROM part)
            UNION SELECT t.tgfoid FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid IN (SELECT oid FROM part)
            UNION SELECT g.oid FROM called JOIN function f ON f.oid = called.oid JOIN function g ON f.prosrc ~ g.word
        ), words(text) AS (
            SELECT f.prosrc FROM called JOIN function f ON f.oid = called.oid
            UNION ALL SELECT pg_catalog.pg_get_expr(a.adbin, a.adrelid) FROM pg_catalog.pg_attrdef a WHERE a.adrelid IN (SELECT oid FROM part)
            UNION ALL SELECT pg_catalog.pg_get_triggerdef(t.oid) FROM pg_catalog.pg_trigger t WHERE NOT t.tgisinternal AND t.tgrelid IN (SELECT oid FROM part)
        )
        SELECT DISTINCT n.nspname, s.relname, q.seqincrement < 0
        FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
        WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjid IN (SELECT oid FROM part))
          AND (EXISTS (SELECT FROM words w WHERE w.text ~ ('(^|\W)' || pg_catalog.regexp_replace(s.relname, '\W', '.', 'g') || '($|\W)'))
            OR EXISTS (SELECT FROM part p WHERE p.relnamespace = s.relnamespace AND pg_catalog.starts_with(s.relname, p.relname || '_') AND pg_catalog.right(s.relname, 4) = '_seq'
                AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.deptype IN ('a', 'i'))))
        """;

    private const string InFunctions = """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang
            WHERE l.lanname NOT IN ('internal', 'c') AND p.prosrc ~ ('(^|\W)' || pg_catalog.regexp_replace($1::text, '\W', '.', 'g') || '($|\W)'))
        """;

    /// <summary>Whether a function of a database has the name in its words, so that others may take numbers from it.</summary>
    public static bool IsInFunctions(PostgresServer database, string name) => database.Scalar<bool>(InFunctions, name);

    /// <param name="from">A database in which the tables still have the names that they had.</param>
    /// <param name="members">The tables.</param>
    /// <param name="schema">What is in this schema comes along anyway.</param>
    public static List<(TableName Sequence, bool Descends)> Of(PostgresServer from, IEnumerable<PartMember> members, string? schema) =>
        [.. from.Rows(Sql, r => (Sequence: new TableName(r.GetString(0), r.GetString(1)), Descends: r.GetBoolean(2)), new object[] { members.Select(m => m.Was.Quoted).ToArray() }).Where(s => s.Sequence.Schema != schema)];
}
