namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>The tables above a part: a partition that comes alone has the foreign keys that its parents made for it.</summary>
internal static class PartAncestors
{
    private const string Sql = """
        WITH RECURSIVE line(oid) AS (
            SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relispartition AND i.inhrelid = pg_catalog.to_regclass($1)
            UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN line ON line.oid = i.inhrelid
        )
        SELECT n.nspname, c.relname FROM line JOIN pg_catalog.pg_class c ON c.oid = line.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        """;

    /// <summary>Of each member that loses its parents: those parents.</summary>
    public static Dictionary<PartMember, List<TableName>> Of(PostgresServer from, List<PartMember> members)
    {
        var inside = members.Select(m => m.Was).ToHashSet();
        return members
            .Select(m => (Member: m, Above: from.Rows(Sql, r => new TableName(r.GetString(0), r.GetString(1)), m.Was.Quoted)))
            .Where(m => !m.Above.Exists(inside.Contains))
            .ToDictionary(m => m.Member, m => m.Above);
    }
}

/// <summary>Which foreign keys come with a part, with the names that its tables have where they go.</summary>
internal static class PartForeignKeys
{
    /// <param name="all">The foreign keys of the database as it was.</param>
    /// <param name="stage">The part.</param>
    /// <param name="parents">What was above tables that come alone.</param>
    /// <param name="isRenamed">A copy under another name is referred to by nothing outside of it.</param>
    public static List<ForeignKey> Of(List<ForeignKey> all, PartStage stage, Dictionary<PartMember, List<TableName>> parents, bool isRenamed)
    {
        var targets = stage.Members.ToDictionary(m => m.Was, m => m.Target);
        var own = all.Where(k => targets.ContainsKey(k.Table)).Select(k => k with { Table = targets[k.Table], Target = TargetOf(k) });
        var inherited = parents.SelectMany(p => all.Where(k => p.Value.Contains(k.Table)).Select(k => k with { Table = p.Key.Target, Target = TargetOf(k) }));
        var pointing = isRenamed ? [] : all.Where(k => !targets.ContainsKey(k.Table) && targets.ContainsKey(k.Target)).Select(k => k with { Target = TargetOf(k) });
        return [.. own.Concat(inherited).Concat(pointing)];

        TableName TargetOf(ForeignKey key) => targets.GetValueOrDefault(key.Target, key.Target);
    }
}
