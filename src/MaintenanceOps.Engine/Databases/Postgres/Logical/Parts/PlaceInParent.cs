namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>The place of a live table below a parent, as a partition or a child: what replaces the table takes it.</summary>
/// <param name="Table">The table.</param>
/// <param name="Parent">What it hangs below.</param>
/// <param name="IsPartition">Whether the parent's rows go to it.</param>
/// <param name="Bound">Which rows these are.</param>
internal sealed record PlaceInParent(TableName Table, TableName Parent, bool IsPartition, string Bound)
{
    private const string Sql = """
        SELECT n.nspname, p.relname, c.relispartition, coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '')
        FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
        WHERE i.inhrelid = pg_catalog.to_regclass($1) ORDER BY i.inhseqno
        """;

    private const string Above = """
        WITH RECURSIVE line(oid) AS (
            SELECT pg_catalog.to_regclass($1)::oid UNION SELECT i.inhparent FROM pg_catalog.pg_inherits i JOIN line ON line.oid = i.inhrelid
        )
        SELECT n.nspname, c.relname FROM line JOIN pg_catalog.pg_class c ON c.oid = line.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        """;

    /// <summary>The places of a table, without those below parents that are replaced with it.</summary>
    public static IEnumerable<PlaceInParent> Of(PostgresServer live, TableName table, IReadOnlyCollection<TableName> replaced) =>
        live.Rows(Sql, r => new PlaceInParent(table, new TableName(r.GetString(0), r.GetString(1)), r.GetBoolean(2), r.GetString(3)), table.Quoted).Where(p => !replaced.Contains(p.Parent));

    /// <summary>A partition that rows elsewhere lead to cannot be taken away: these foreign keys are made again when the new one is there.</summary>
    public void TakeKeys(PostgresServer live, MovedAside aside)
    {
        foreach (var parent in IsPartition ? live.Rows(Above, r => new TableName(r.GetString(0), r.GetString(1)), Parent.Quoted) : [])
        {
            aside.TakeKeysTo(parent);
        }
    }

    /// <summary>The statements that give the place to what has the table's name now. A parent's indexes find those of the new partition by themselves.</summary>
    public string HandOver(TableName kept) => IsPartition
        ? $"ALTER TABLE {Parent.Quoted} DETACH PARTITION {kept.Quoted}; ALTER TABLE {Parent.Quoted} ATTACH PARTITION {Table.Quoted} {Bound};"
        : $"ALTER TABLE {kept.Quoted} NO INHERIT {Parent.Quoted}; ALTER TABLE {Table.Quoted} INHERIT {Parent.Quoted};";
}
