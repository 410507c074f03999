using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Partitions of a part whose parent stays behind and chooses them by a hash. An enumeration's values are hashed by numbers that each
/// database gives anew, so <c>pg_dump</c> has such rows loaded through the root, and a private database sends them elsewhere or
/// refuses them. Here they are loaded right where they were.
/// </summary>
internal sealed class HashedPartitions
{
    private const string Above = """
        WITH RECURSIVE line(oid, depth) AS (
            SELECT i.inhparent, 1 FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid WHERE c.relispartition AND i.inhrelid = pg_catalog.to_regclass($1)
            UNION ALL SELECT i.inhparent, depth + 1 FROM line JOIN pg_catalog.pg_class c ON c.oid = line.oid AND c.relispartition JOIN pg_catalog.pg_inherits i ON i.inhrelid = line.oid
        )
        SELECT n.nspname, c.relname, p.partstrat::text FROM line JOIN pg_catalog.pg_class c ON c.oid = line.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_partitioned_table p ON p.partrelid = c.oid ORDER BY line.depth
        """;

    private readonly PostgresServer database;

    /// <summary>Each table with rows, and the one through which they come into it: itself, or the highest one above it that comes along.</summary>
    private readonly Dictionary<TableName, TableName> tops = [];

    public HashedPartitions(PostgresServer database, List<PartMember> members)
    {
        this.database = database;
        var inside = members.Select(m => m.Was).ToHashSet();
        foreach (var table in members.Where(m => m.HasRows).Select(m => m.Was))
        {
            var above = database.Rows(Above, r => (Table: new TableName(r.GetString(0), r.GetString(1)), IsHashed: r.GetString(2) == "h"), table.Quoted);
            var within = above.TakeWhile(a => inside.Contains(a.Table)).Select(a => a.Table).ToList();
            if (above.Skip(within.Count).Any(a => a.IsHashed))
            {
                tops[table] = within.Count > 0 ? within[^1] : table;
            }
        }
    }

    /// <summary>The tables that get their rows here.</summary>
    public ICollection<TableName> Tables => tops.Keys;

    /// <summary>Through which table rows come into one, as SQL writes it; null where the dump says it.</summary>
    public string? EntryOf(string schema, string table) => tops.TryGetValue(new TableName(schema, table), out var top) ? top.Quoted : null;

    /// <summary>Loads the rows of each.</summary>
    /// <returns>What the server refused.</returns>
    public List<string> Fill(DumpPlayer player)
    {
        var refusals = new List<string>();
        foreach (var table in tops.Keys)
        {
            try
            {
                database.Execute($"TRUNCATE ONLY {table.Quoted}");
                new DumpedRows(player, database, table.Schema, table.Name) { Into = EntryOf(table.Schema, table.Name) }.Load();
            }
            catch (PostgresException e)
            {
                refusals.Add(e.MessageText);
            }
        }

        return refusals;
    }

    /// <summary>
    /// While something is done, they are no partitions for the server, so that it does not ask which rows belong into them. Detached ones
    /// could not be attached again. Only a superuser may do this; for others the server goes on asking.
    /// </summary>
    public void WhileFree(Action act)
    {
        var isFree = tops.Count > 0 && SetPartition(false);
        try
        {
            act();
        }
        finally
        {
            if (isFree)
            {
                SetPartition(true);
            }
        }
    }

    private bool SetPartition(bool value)
    {
        try
        {
            foreach (var top in tops.Values.Distinct())
            {
                database.Execute("UPDATE pg_catalog.pg_class SET relispartition = $2 WHERE oid = pg_catalog.to_regclass($1)", top.Quoted, value);
            }

            return true;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            return false;
        }
    }
}
