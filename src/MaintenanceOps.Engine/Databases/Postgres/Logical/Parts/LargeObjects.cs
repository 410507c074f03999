using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Large objects that the rows of a part name: in columns of the type <c>oid</c>, of a domain on it such as <c>lo</c>, or in
/// arrays of these. They belong to no table, so those that the live database does not have any more are brought.
/// </summary>
internal sealed class LargeObjects(PostgresServer from, PostgresServer live)
{
    /// <summary>How many bytes of one are carried at once.</summary>
    private const int Piece = 8 << 20;

    private const string Columns = """
        WITH RECURSIVE named(oid, is_list) AS (
            SELECT 'pg_catalog.oid'::regtype::oid, false
            UNION SELECT t.oid, n.is_list OR t.typelem <> 0 FROM pg_catalog.pg_type t JOIN named n ON t.typbasetype = n.oid OR (t.typelem = n.oid AND t.typlen = -1)
        )
        SELECT pg_catalog.format(CASE WHEN n.is_list THEN 'SELECT pg_catalog.unnest(%1$I::oid[]) FROM ONLY %2$I.%3$I' ELSE 'SELECT %1$I::oid FROM ONLY %2$I.%3$I' END, a.attname, s.nspname, c.relname)
        FROM pg_catalog.pg_attribute a JOIN named n ON n.oid = a.atttypid JOIN pg_catalog.pg_class c ON c.oid = a.attrelid JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
        WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind = 'r' AND c.oid = ANY (SELECT pg_catalog.to_regclass(t) FROM pg_catalog.unnest($1::text[]) t)
        """;

    private readonly List<long> made = [];

    public List<string> Notes { get; } = [];

    /// <summary>Whether rows name numbers under which the live database has no large object, or another one perhaps.</summary>
    public bool AreNamed(IEnumerable<TableName> tables) => Named(tables) is { } values && from.Scalar<bool>($"SELECT EXISTS ({values} LIMIT 1)");

    /// <summary>Brings what is missing.</summary>
    /// <returns>What is there under the same number with another content.</returns>
    public List<UnrestoredObject> Bring(IEnumerable<TableName> tables, CancellationToken cancellation)
    {
        if (Named(tables) is not { } values)
        {
            return [];
        }

        var changed = new List<long>();
        foreach (var number in from.Rows($"SELECT DISTINCT v.oid::bigint FROM ({values}) v(oid) JOIN pg_catalog.pg_largeobject_metadata m ON m.oid = v.oid ORDER BY 1", r => r.GetInt64(0)))
        {
            cancellation.ThrowIfCancellationRequested();
            if (!live.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_catalog.pg_largeobject_metadata WHERE oid = $1::oid)", number))
            {
                Copy(number, cancellation);
            }
            else if (Digest(from, number) != Digest(live, number))
            {
                changed.Add(number);
            }
        }

        if (made.Count > 0)
        {
            Notes.Add($"{made.Count} large objects that its rows name were missing and came along.");
        }

        return changed.Count == 0 ? [] : [new UnrestoredObject($"LARGE OBJECT {string.Join(", ", changed.Take(20))}{(changed.Count > 20 ? ", …" : "")}", $"{changed.Count} large objects are there under these numbers with another content than in the snapshot, and were left as they are. Restore the whole database with -As to read the old ones.", "")];
    }

    /// <summary>Takes back what was made, because the part does not come.</summary>
    public void Undo() => made.ForEach(n => live.Execute("SELECT pg_catalog.lo_unlink($1::oid)", n));

    private string? Named(IEnumerable<TableName> tables) =>
        from.Rows(Columns, r => r.GetString(0), new object[] { tables.Select(t => t.Quoted).ToArray() }) is { Count: > 0 } columns ? string.Join(" UNION ", columns) : null;

    private void Copy(long number, CancellationToken cancellation)
    {
        live.Execute("SELECT pg_catalog.lo_create($1::oid)", number);
        made.Add(number);
        for (long at = 0; Read(number, at) is { Length: > 0 } piece; at += piece.Length)
        {
            cancellation.ThrowIfCancellationRequested();
            live.Execute("SELECT pg_catalog.lo_put($1::oid, $2, $3)", number, at, piece);
        }

        foreach (var statement in from.Rows(Rights, r => r.GetString(0), number))
        {
            Give(number, statement);
        }
    }

    private byte[] Read(long number, long at) => from.Rows("SELECT pg_catalog.lo_get($1::oid, $2, $3)", r => r.GetFieldValue<byte[]>(0), number, at, Piece)[0];

    private const string Rights = """
        SELECT pg_catalog.format('ALTER LARGE OBJECT %s OWNER TO %I', m.oid, pg_catalog.pg_get_userbyid(m.lomowner)) FROM pg_catalog.pg_largeobject_metadata m WHERE m.oid = $1::oid
        UNION ALL
        SELECT pg_catalog.format('GRANT %s ON LARGE OBJECT %s TO %s', a.privilege_type, m.oid, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END)
        FROM pg_catalog.pg_largeobject_metadata m, pg_catalog.aclexplode(m.lomacl) a WHERE m.oid = $1::oid AND a.grantee <> m.lomowner
        """;

    private void Give(long number, string statement)
    {
        try
        {
            live.Execute(statement);
        }
        catch (PostgresException e)
        {
            Notes.Add($"Large object {number} came along, but not all that belongs to it: {e.MessageText} ({statement};)");
        }
    }

    /// <summary>Of what is too large, or may not be read, only that is known.</summary>
    private static string Digest(PostgresServer server, long number)
    {
        try
        {
            return server.Scalar<string>("SELECT pg_catalog.md5(pg_catalog.lo_get($1::oid))", number);
        }
        catch (PostgresException)
        {
            return "";
        }
    }
}
