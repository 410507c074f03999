namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>How old the oldest transaction or multixact of a table or database is, against the limits that the server sets.</summary>
/// <param name="Name">The table as SQL writes it, or the database.</param>
/// <param name="Age">Transactions, or multixacts where they are closer to their limit.</param>
/// <param name="Limit">From where on autovacuum freezes whatever it costs.</param>
/// <param name="Failsafe">From where on a vacuum drops everything but the freezing.</param>
/// <param name="Size">The table's bytes; null for a database.</param>
/// <param name="Multixact">Whether multixacts are meant.</param>
internal sealed record FreezeNeeds(string Name, long Age, long Limit, long Failsafe, long? Size, bool Multixact)
{
    /// <summary>The server's own arithmetic: the fail-safe is never below 105 % of the limit. Before 14 there is none.</summary>
    private const string Limits = """
        limits AS MATERIALIZED (
          SELECT x.xid, x.mxid,
            greatest(coalesce(nullif(current_setting('vacuum_failsafe_age', true), '')::bigint, 1600000000), x.xid * 105 / 100) AS xid_failsafe,
            greatest(coalesce(nullif(current_setting('vacuum_multixact_failsafe_age', true), '')::bigint, 1600000000), x.mxid * 105 / 100) AS mxid_failsafe
          FROM (SELECT current_setting('autovacuum_freeze_max_age')::bigint AS xid, current_setting('autovacuum_multixact_freeze_max_age')::bigint AS mxid) x)
        """;

    /// <summary>The catalog's own tables are as old as any; a table is as old as its overflow.</summary>
    private static readonly string TableSql = $"""
        WITH {CatalogSql.Locked}, {Limits}, old AS (
          SELECT c.oid, c.relpages, format('%I.%I', n.nspname, c.relname) AS name,
            greatest(age(c.relfrozenxid), CASE WHEN t.relfrozenxid <> '0' THEN age(t.relfrozenxid) END)::bigint AS xid,
            greatest(mxid_age(c.relminmxid), CASE WHEN t.relminmxid <> '0' THEN mxid_age(t.relminmxid) END)::bigint AS mxid,
            least(l.xid, {CatalogSql.Option("autovacuum_freeze_max_age")}::bigint) AS xid_limit,
            least(l.mxid, {CatalogSql.Option("autovacuum_multixact_freeze_max_age")}::bigint) AS mxid_limit,
            l.xid_failsafe, l.mxid_failsafe
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace LEFT JOIN pg_class t ON t.oid = c.reltoastrelid CROSS JOIN limits l
          WHERE c.relkind IN ('r', 'm') AND c.relpersistence <> 't' AND c.relfrozenxid <> '0')
        SELECT c.name, c.xid, c.xid_limit, c.xid_failsafe, c.mxid, c.mxid_limit, c.mxid_failsafe, {CatalogSql.Size("pg_table_size")}
        FROM old c WHERE c.xid > c.xid_limit OR c.mxid > c.mxid_limit
        """;

    private static readonly string DatabaseSql = $"""
        WITH {Limits}
        SELECT d.datname::text, age(d.datfrozenxid)::bigint, l.xid, l.xid_failsafe, mxid_age(d.datminmxid)::bigint, l.mxid, l.mxid_failsafe, NULL::bigint
        FROM pg_database d CROSS JOIN limits l
        WHERE age(d.datfrozenxid) > l.xid OR mxid_age(d.datminmxid) > l.mxid
        """;

    /// <summary>Before the fail-safe begins, not after.</summary>
    public bool IsCritical => Age > Failsafe * CriticalShare;

    private const double CriticalShare = 0.8;

    public static List<FreezeNeeds> Tables(UpkeepSession session, CancellationToken cancellation) => session.Rows(TableSql, Read, cancellation);

    public static List<FreezeNeeds> Databases(UpkeepSession session, CancellationToken cancellation) => session.Rows(DatabaseSql, Read, cancellation);

    private static FreezeNeeds Read(Npgsql.NpgsqlDataReader row)
    {
        var transactions = new FreezeNeeds(row.GetString(0), row.GetInt64(1), row.GetInt64(2), row.GetInt64(3), row.IsDBNull(7) ? null : row.GetInt64(7), false);
        var multixacts = transactions with { Age = row.GetInt64(4), Limit = row.GetInt64(5), Failsafe = row.GetInt64(6), Multixact = true };
        return (double)multixacts.Age / multixacts.Limit > (double)transactions.Age / transactions.Limit ? multixacts : transactions;
    }
}
