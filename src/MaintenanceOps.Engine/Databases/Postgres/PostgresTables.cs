namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>The tables whose rows a dump holds, counted by the same statement at backup time and after a restore.</summary>
internal static class PostgresTables
{
    /// <summary>Ordinary tables and partitions with rows of their own; those that belong to an extension come with it.</summary>
    private const string Sql = """
        SELECT n.nspname, c.relname, format('%I.%I', n.nspname, c.relname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        ORDER BY 1, 2
        """;

    public static List<(string Schema, string Table, long Rows)> Count(PostgresServer server, CancellationToken cancellation)
    {
        var counts = new List<(string, string, long)>();
        foreach (var (schema, table, quoted) in server.Rows(Sql, r => (r.GetString(0), r.GetString(1), r.GetString(2))))
        {
            cancellation.ThrowIfCancellationRequested();
            counts.Add((schema, table, server.Scalar<long>($"SELECT count(*) FROM ONLY {quoted}")));
        }

        return counts;
    }
}
