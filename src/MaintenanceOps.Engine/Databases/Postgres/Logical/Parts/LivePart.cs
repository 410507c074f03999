namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>What a live database has in the place of a part.</summary>
internal static class LivePart
{
    private const string Below = """
        WITH RECURSIVE tree(oid) AS (
            SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = pg_catalog.to_regclass($1) UNION SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent
        )
        SELECT n.nspname, c.relname FROM tree JOIN pg_catalog.pg_class c ON c.oid = tree.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relispartition AND c.relkind IN ('r', 'p') ORDER BY 1, 2
        """;

    /// <summary>The tables that a part takes the place of.</summary>
    public static List<TableName> ReplacedBy(PostgresServer live, IEnumerable<PartMember> members, bool mayReplace) =>
        mayReplace ? [.. members.Select(m => m.Target).Where(t => PartPlace.KindOf(live, t) is "r" or "p")] : [];

    public static List<TableName> PartitionsBelow(PostgresServer live, TableName table) => live.Rows(Below, r => new TableName(r.GetString(0), r.GetString(1)), table.Quoted);

    public static List<long> IdsOf(PostgresServer live, IEnumerable<TableName> tables) =>
        [.. tables.Select(t => live.Scalar<long>("SELECT pg_catalog.to_regclass($1)::oid::bigint", t.Quoted))];

    public static long IdOf(PostgresServer live, string schema) => live.Rows("SELECT oid::bigint FROM pg_catalog.pg_namespace WHERE nspname = $1", r => r.GetInt64(0), schema).FirstOrDefault();

    /// <summary>What outside is bound to what a part would replace.</summary>
    public static BoundOutside BoundTo(PostgresServer live, PartName part, IEnumerable<PartMember> members)
    {
        if (part.Schema is not null)
        {
            return new BoundOutside(live, [], IdOf(live, part.TargetSchema()));
        }

        var replaced = ReplacedBy(live, members, mayReplace: true);
        return new BoundOutside(live, IdsOf(live, replaced.Concat(replaced.SelectMany(t => PartitionsBelow(live, t))).Distinct()));
    }
}
