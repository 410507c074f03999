namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>An index, a sequence or statistics of a table: it lies in the table's schema under a name of its own.</summary>
internal sealed record TableCompanion(string Kind, string Schema, string Name)
{
    public const string Statistics = "STATISTICS";

    public string RenameTo(string name) => $"ALTER {Kind} {PostgresServer.Quote(Schema)}.{PostgresServer.Quote(Name)} RENAME TO {PostgresServer.Quote(name)}";
}

internal static class TableCompanions
{
    private const string Sql = """
        SELECT 'INDEX', n.nspname, c.relname FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE i.indrelid = pg_catalog.to_regclass($1)
        UNION ALL
        SELECT 'SEQUENCE', n.nspname, c.relname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_class c ON c.oid = d.objid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = pg_catalog.to_regclass($1) AND d.deptype IN ('a', 'i') AND c.relkind = 'S'
        UNION ALL
        SELECT 'STATISTICS', n.nspname, s.stxname FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
        WHERE s.stxrelid = pg_catalog.to_regclass($1)
        """;

    public static List<TableCompanion> Of(PostgresServer server, TableName table) =>
        server.Rows(Sql, r => new TableCompanion(r.GetString(0), r.GetString(1), r.GetString(2)), table.Quoted);

    /// <summary>Tables, indexes, sequences and types share their names; statistics have names of their own.</summary>
    public static bool IsTaken(PostgresServer server, string schema, string name) => server.Scalar<bool>(
        """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2)
            OR EXISTS (SELECT FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = $1 AND t.typname = $2)
            OR EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname = $1 AND s.stxname = $2)
        """,
        schema,
        name);
}
