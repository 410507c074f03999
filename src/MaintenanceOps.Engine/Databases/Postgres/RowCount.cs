namespace MaintenanceOps.Engine.Databases.Postgres;

/// <summary>
/// Counts the rows of a table by having one column of it sent. A query would be planned first, and the planner looks at the
/// table's indexes and statistics: it calls functions of theirs as whoever asks, and fails where such a function finds nothing on
/// our search path. <c>COPY</c> of a table reads the table alone, as <c>pg_dump</c> does.
/// </summary>
internal static class RowCount
{
    private const int BufferSize = 1 << 16;

    /// <summary>Generated columns, which cannot be copied, came with this version.</summary>
    private const int GeneratedColumns = 120000;

    /// <summary>As SQL over the catalog with a table as <c>c</c>: its shortest column in brackets; empty where it has none that can be copied.</summary>
    public static string Column(PostgresServer server) => $"""
        coalesce((SELECT pg_catalog.format('(%I)', a.attname) FROM pg_catalog.pg_attribute a
            WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped{(server.Version >= GeneratedColumns ? " AND a.attgenerated = ''" : "")}
            ORDER BY a.attlen <= 0, a.attlen, a.attnum LIMIT 1), '')
        """;

    /// <summary>The rows of a table without those of its children.</summary>
    /// <param name="server">The database.</param>
    /// <param name="table">The table's name as SQL writes it.</param>
    /// <param name="column">As <see cref="Column"/> gives it.</param>
    /// <param name="cancellation">Ends it.</param>
    public static long Of(PostgresServer server, string table, string column, CancellationToken cancellation)
    {
        // No byte is converted, as some may not be what the encoding says. Line breaks in values are written in two letters.
        long rows = 0;
        server.CopyOut($"COPY {table}{column} TO STDOUT WITH (ENCODING 'SQL_ASCII')", piece => rows += piece.Count((byte)'\n'), BufferSize, cancellation);
        return rows;
    }

    /// <summary>The same for a table of which only the name is known.</summary>
    public static long Of(PostgresServer server, string table, CancellationToken cancellation) =>
        Of(server, table, server.Scalar<string>($"SELECT {Column(server)} FROM pg_catalog.pg_class c WHERE c.oid = pg_catalog.to_regclass($1)", table), cancellation);
}
