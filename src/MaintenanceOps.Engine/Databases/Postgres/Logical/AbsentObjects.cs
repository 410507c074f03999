namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>Which objects of a dump that stand on tables a database does not have.</summary>
internal static class AbsentObjects
{
    /// <summary>Statements that may be run twice.</summary>
    private static readonly string[] Repeatable = ["COMMENT ", "INDEX ATTACH ", "ROW SECURITY ", "SECURITY LABEL ", "ACL "];

    private static readonly string[] Kinds = ["INDEX ", "CONSTRAINT ", "FK CONSTRAINT ", "CHECK CONSTRAINT ", "TRIGGER ", "RULE ", "POLICY ", "STATISTICS "];

    /// <summary>Kind, schema and name as the list of a dump has them: what belongs to a table has the table's name in front.</summary>
    private const string Present = """
        SELECT 'INDEX', n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('i', 'I')
        UNION ALL SELECT 'STATISTICS', n.nspname, s.stxname FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
        UNION ALL SELECT CASE k.contype WHEN 'f' THEN 'FK CONSTRAINT' WHEN 'c' THEN 'CHECK CONSTRAINT' ELSE 'CONSTRAINT' END, n.nspname, coalesce(c.relname, t.typname) || ' ' || k.conname
            FROM pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace LEFT JOIN pg_catalog.pg_class c ON c.oid = k.conrelid LEFT JOIN pg_catalog.pg_type t ON t.oid = k.contypid
        UNION ALL SELECT o.kind, n.nspname, c.relname || ' ' || o.name FROM (
                SELECT 'TRIGGER', tgrelid, tgname FROM pg_catalog.pg_trigger UNION ALL SELECT 'RULE', ev_class, rulename FROM pg_catalog.pg_rewrite UNION ALL SELECT 'POLICY', polrelid, polname FROM pg_catalog.pg_policy
            ) o(kind, of, name) JOIN pg_catalog.pg_class c ON c.oid = o.of JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        """;

    /// <summary>Those that are not there, and those of which nobody can see whether they are but that may come twice.</summary>
    public static List<DumpEntry> Of(PostgresServer database, IEnumerable<DumpEntry> entries)
    {
        var present = database.Rows(Present, r => DumpEntry.Start(r.GetString(0), r.GetString(1), r.IsDBNull(2) ? "" : r.GetString(2)).TrimEnd()).ToHashSet(StringComparer.Ordinal);
        return [.. entries.Where(e => IsOneOf(e.Text, Repeatable) || (IsOneOf(e.Text, Kinds) && !IsPresent(e.Text, present)))];
    }

    /// <summary>Whether the catalog tells of such an object whether it is there.</summary>
    public static bool CanTell(string entry) => IsOneOf(entry, Kinds) || IsOneOf(entry, Repeatable);

    private static bool IsOneOf(string entry, string[] kinds) => kinds.Any(k => entry.StartsWith(k, StringComparison.Ordinal));

    /// <summary>The owner's name stands behind the object's, and either may have spaces.</summary>
    private static bool IsPresent(string text, HashSet<string> present)
    {
        for (var space = text.LastIndexOf(' '); space > 0; space = text.LastIndexOf(' ', space - 1))
        {
            if (present.Contains(text[..space].TrimEnd()))
            {
                return true;
            }
        }

        return false;
    }
}
