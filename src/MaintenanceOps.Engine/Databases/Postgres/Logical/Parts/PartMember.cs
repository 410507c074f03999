namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>A table that belongs to a part: the one that was named, its partitions and its children, or each of a schema.</summary>
/// <param name="Was">What it is called in the database that it comes from.</param>
/// <param name="Kind">As <c>relkind</c> has it: <c>r</c> a table, <c>p</c> a partitioned one, <c>f</c> a foreign one.</param>
/// <param name="Target">What it is called where it goes.</param>
internal sealed record PartMember(TableName Was, char Kind, TableName Target)
{
    public bool HasRows => Kind == 'r';

    public bool IsForeign => Kind == 'f';
}

/// <summary>Finds what belongs to a part in a database that holds it.</summary>
internal static class PartMembers
{
    private const string Tables = "c.relkind IN ('r', 'p', 'f') AND c.relpersistence <> 't'";

    /// <summary>What an extension made comes with the extension.</summary>
    private const string OfExtension = "EXISTS (SELECT FROM pg_catalog.pg_depend e WHERE e.classid = 'pg_catalog.pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')";

    private const string Tree = """
        WITH RECURSIVE tree(oid, depth) AS (
            SELECT $1::bigint::oid, 0 UNION SELECT i.inhrelid, depth + 1 FROM pg_catalog.pg_inherits i JOIN tree ON tree.oid = i.inhparent
        )
        SELECT n.nspname, c.relname, c.relkind::text FROM (SELECT oid, min(depth) AS depth FROM tree GROUP BY oid) t
        JOIN pg_catalog.pg_class c ON c.oid = t.oid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace ORDER BY t.depth, 1, 2
        """;

    private const string OfSchema = "SELECT n.nspname, c.relname, c.relkind::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND " + Tables + " AND NOT " + OfExtension + " ORDER BY 2";

    private const string Named = "SELECT c.oid, c.relkind::text, " + OfExtension + " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";

    /// <summary>All tables of the part.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ItemNotFound"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static List<PartMember> Find(PostgresServer from, PostgresServer live, PartName part, string database)
    {
        if (part.Schema is { } schema)
        {
            if (from.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = $1", schema) == 0)
            {
                throw NotFound(from, part, database);
            }

            return [.. Read(from, OfSchema, schema).Select(t => new PartMember(t.Name, t.Kind, new TableName(part.TargetSchema(), t.Name.Name)))];
        }

        foreach (var name in part.Candidates(database).Distinct())
        {
            foreach (var (id, kind, isOfExtension) in from.Rows(Named, r => (r.GetFieldValue<uint>(0), r.GetString(1), r.GetBoolean(2)), name.Schema, name.Name))
            {
                if (isOfExtension)
                {
                    throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{name}' belongs to an extension, which makes it, so it cannot be restored by itself. Restore the whole database under another name with -As, and copy its rows.", name.ToString());
                }

                return kind is "r" or "p" ? Family(from, id, part.TargetOf(name, live)) : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{name}' is no table{(kind == "f" ? " but a foreign table, whose rows are on another server" : "")}. Restore its schema with -Schema, or the whole database under another name with -As.", name.ToString());
            }
        }

        throw NotFound(from, part, database);
    }

    /// <summary>A table and all below it. A child that gets another name gets it from its parent's.</summary>
    private static List<PartMember> Family(PostgresServer from, uint id, TableName target)
    {
        var all = Read(from, Tree, (long)id);
        var root = all[0].Name;
        var taken = new HashSet<TableName>();
        return [.. all.Select(t => new PartMember(t.Name, t.Kind, t.Name == root ? Take(target) : Take(TargetOf(t.Name))))];

        // A schema of its own is kept, unless the root was sent to another one.
        TableName TargetOf(TableName child) => new(target.Schema == root.Schema ? child.Schema : target.Schema, PartNames.Follow(child.Name, root.Name, target.Name));

        TableName Take(TableName wanted)
        {
            var free = wanted with { Name = PartNames.Free(wanted.Name, name => taken.Contains(wanted with { Name = name })) };
            taken.Add(free);
            return free;
        }
    }

    private static List<(TableName Name, char Kind)> Read(PostgresServer from, string sql, object value) =>
        from.Rows(sql, r => (new TableName(r.GetString(0), r.GetString(1)), r.GetString(2)[0]), value);

    private static MaintenanceException NotFound(PostgresServer from, PartName part, string database)
    {
        const string All = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' ORDER BY 1 LIMIT 20";
        return new MaintenanceException(ErrorCode.ItemNotFound, $"Database '{database}' in the snapshot has no {part.Words}. It has: {string.Join(", ", from.Rows(All, r => r.GetString(0)))}.", part.Words);
    }
}
