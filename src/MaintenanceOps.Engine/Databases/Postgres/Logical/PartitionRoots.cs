namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// The tables that partitions belong to. Where a row goes is not always what it was: an enumeration's values are hashed by numbers
/// that each server gives anew, so <c>pg_dump</c> has such rows loaded through the root, and only their sum stays.
/// </summary>
internal static class PartitionRoots
{
    private const string Sql = """
        WITH RECURSIVE line(leaf, top) AS (
            SELECT c.oid, c.oid FROM pg_catalog.pg_class c WHERE c.relispartition AND c.relkind = 'r'
            UNION ALL
            SELECT line.leaf, i.inhparent FROM line JOIN pg_catalog.pg_class c ON c.oid = line.top AND c.relispartition JOIN pg_catalog.pg_inherits i ON i.inhrelid = line.top
        )
        SELECT n.nspname, leaf.relname, line.top
        FROM line JOIN pg_catalog.pg_class leaf ON leaf.oid = line.leaf JOIN pg_catalog.pg_namespace n ON n.oid = leaf.relnamespace
        JOIN pg_catalog.pg_class root ON root.oid = line.top AND NOT root.relispartition
        """;

    /// <summary>Those of the tables that do not have the rows that were recorded, nor their partitions together.</summary>
    /// <param name="database">Where they are.</param>
    /// <param name="recorded">The tables; those whose rows nobody counted are passed over.</param>
    /// <param name="counted">Their rows now; a table that is not there has none.</param>
    public static List<TableCount> Differing(PostgresServer database, IEnumerable<TableCount> recorded, IReadOnlyDictionary<string, long> counted)
    {
        var known = recorded.Where(t => t.Rows >= 0).ToList();
        var differing = known.FindAll(t => counted.GetValueOrDefault(t.Name) != t.Rows);
        if (differing.Count == 0)
        {
            return differing;
        }

        var roots = database.Rows(Sql, r => (Name: PostgresTables.Key(r.GetString(0), r.GetString(1)), Root: r.GetFieldValue<uint>(2))).ToDictionary(t => t.Name, t => t.Root);
        var whole = known.Where(t => roots.ContainsKey(t.Name) && counted.ContainsKey(t.Name))
            .GroupBy(t => roots[t.Name])
            .Where(family => family.Sum(t => t.Rows) == family.Sum(t => counted[t.Name]))
            .Select(family => family.Key)
            .ToHashSet();
        return differing.FindAll(t => !roots.TryGetValue(t.Name, out var root) || !whole.Contains(root) || !counted.ContainsKey(t.Name));
    }
}
