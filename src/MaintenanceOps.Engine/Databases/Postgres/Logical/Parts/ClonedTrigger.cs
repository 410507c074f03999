namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// A trigger that a partition has from a parent, enabled otherwise than the one above the part. It goes with the partition's place below
/// the parent, and one that comes with a new place is enabled as the parent's.
/// </summary>
/// <param name="Table">The partition, by the name that it has where it goes.</param>
/// <param name="Name">The trigger's name.</param>
/// <param name="State">As <c>tgenabled</c> has it: <c>O</c> enabled, <c>D</c> disabled, <c>R</c> on replicas only, <c>A</c> always.</param>
internal sealed record ClonedTrigger(TableName Table, string Name, string State)
{
    /// <summary>The end of the line is the nearest one above the part, for that is the one that a new place follows. Versions before 13 do not tell it, and those of keys are not for people.</summary>
    private const string Sql = """
        WITH RECURSIVE line(oid, top) AS (
            SELECT t.oid, t.oid FROM pg_catalog.pg_trigger t WHERE t.tgrelid = pg_catalog.to_regclass($1)
            UNION ALL
            SELECT line.oid, p.oid FROM line JOIN pg_catalog.pg_trigger t ON t.oid = line.top JOIN pg_catalog.pg_trigger p ON p.oid::text = pg_catalog.to_jsonb(t)->>'tgparentid'
            WHERE t.tgrelid::bigint = ANY ($2)
        )
        SELECT t.tgname, t.tgenabled::text FROM line JOIN pg_catalog.pg_trigger t ON t.oid = line.oid JOIN pg_catalog.pg_trigger above ON above.oid = line.top
        WHERE above.tgrelid::bigint <> ALL ($2) AND t.tgenabled <> above.tgenabled
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.oid = t.tgconstraint AND c.contype <> 't')
        """;

    private const string Differs = """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.tgrelid = pg_catalog.to_regclass($1) AND t.tgname = $2 AND t.tgenabled::text <> $3 AND coalesce(pg_catalog.to_jsonb(t)->>'tgparentid', '0') <> '0')
        """;

    /// <summary>The statement that enables it as it was; tables below have their own.</summary>
    public string Statement => $"ALTER TABLE ONLY {Table.Quoted} {Words} TRIGGER {PostgresServer.Quote(Name)};";

    private string Words => State switch
    {
        "D" => "DISABLE",
        "R" => "ENABLE REPLICA",
        "A" => "ENABLE ALWAYS",
        _ => "ENABLE",
    };

    public static List<ClonedTrigger> Of(PostgresServer from, List<PartMember> members)
    {
        var inside = LivePart.IdsOf(from, members.Select(m => m.Was)).ToArray();
        return [.. members.Where(m => !m.IsForeign).SelectMany(m => from.Rows(Sql, r => new ClonedTrigger(m.Target, r.GetString(0), r.GetString(1)), m.Was.Quoted, inside))];
    }

    /// <summary>Whether the table has it again, and enabled otherwise.</summary>
    public bool IsToBeSet(PostgresServer live) => live.Scalar<bool>(Differs, Table.Quoted, Name, State);
}
