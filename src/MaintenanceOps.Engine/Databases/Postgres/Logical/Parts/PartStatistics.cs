namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Extended statistics of a part's tables, which may lie in another schema than their table. They are carried in the part's own
/// schemas, under names that are free there, and go where they belong at the end.
/// </summary>
internal sealed class PartStatistics(PostgresServer from)
{
    private const string OfTable = "SELECT n.nspname, s.stxname FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE s.stxrelid = pg_catalog.to_regclass($1) ORDER BY 1, 2";

    private const string OutsideOfSchema = """
        SELECT n.nspname, s.stxname FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace
        JOIN pg_catalog.pg_class c ON c.oid = s.stxrelid JOIN pg_catalog.pg_namespace cn ON cn.oid = c.relnamespace
        WHERE cn.nspname = $1 AND n.nspname <> $1 ORDER BY 1, 2
        """;

    private readonly List<(TableName Carried, TableName Home, string TableSchema)> taken = [];

    /// <summary>Those of a schema's tables that lie in other schemas.</summary>
    public static List<TableName> Outside(PostgresServer server, string schema) => server.Rows(OutsideOfSchema, r => new TableName(r.GetString(0), r.GetString(1)), schema);

    /// <summary>They share their names with nothing else.</summary>
    public static bool IsTaken(PostgresServer server, string schema, string name) =>
        server.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_catalog.pg_statistic_ext s JOIN pg_catalog.pg_namespace n ON n.oid = s.stxnamespace WHERE n.nspname = $1 AND s.stxname = $2)", schema, name);

    /// <summary>Takes those of one table along. A schema of their own is kept, unless the table was sent to another one.</summary>
    public void TakeOf(PartMember member, string staged)
    {
        foreach (var was in from.Rows(OfTable, r => new TableName(r.GetString(0), r.GetString(1)), member.Was.Quoted))
        {
            var keepsSchema = was.Schema != member.Was.Schema && member.Was.Schema == member.Target.Schema;
            Take(was, staged, new TableName(keepsSchema ? was.Schema : member.Target.Schema, PartNames.Follow(was.Name, member.Was.Name, member.Target.Name)), member.Target.Schema);
        }
    }

    /// <summary>Takes those along that a schema's tables have in other schemas.</summary>
    /// <param name="staged">The schema, by the name that it has while it is carried.</param>
    /// <param name="schema">The name that it had.</param>
    /// <param name="target">The name that it gets.</param>
    public void TakeOutside(string staged, string schema, string target) =>
        Outside(from, staged).ForEach(was => Take(was, staged, schema == target ? was : was with { Schema = target }, target));

    private void Take(TableName was, string staged, TableName home, string tableSchema)
    {
        var carried = new TableName(staged, PartNames.Free(was.Name, name => IsTaken(from, staged, name)));
        from.Execute(Move(was, carried));
        taken.Add((carried, home, tableSchema));
    }

    /// <summary>Puts them where they belong; those that cannot go there lie beside their table.</summary>
    /// <param name="live">The database.</param>
    /// <param name="placeOf">Where one is by now, by where it was carried.</param>
    /// <param name="attempt">Runs statements, and returns what the server said if it refused.</param>
    /// <returns>What could not be put where it belongs.</returns>
    public IEnumerable<UnrestoredObject> Return(PostgresServer live, Func<TableName, TableName> placeOf, Func<string, string?> attempt)
    {
        foreach (var (carried, home, tableSchema) in taken)
        {
            var now = placeOf(carried);
            if (!IsTaken(live, now.Schema, now.Name))
            {
                continue;
            }

            if (attempt(Move(now, Free(live, home, now))) is { } words)
            {
                var beside = Free(live, home with { Schema = tableSchema }, now);
                live.Execute(Move(now, beside));
                yield return new UnrestoredObject($"STATISTICS {home}", $"They are '{beside}' now: {words}", $"{Move(beside, home)};");
            }
        }
    }

    private static TableName Free(PostgresServer live, TableName wanted, TableName now) =>
        wanted with { Name = PartNames.Free(wanted.Name, name => wanted with { Name = name } != now && IsTaken(live, wanted.Schema, name)) };

    /// <summary>The shortest way; where both names change, by way of a name that nobody has, so that neither schema has one twice.</summary>
    private static string Move(TableName was, TableName place)
    {
        if (was.Schema == place.Schema)
        {
            return was.Name == place.Name ? "SELECT 1" : Rename(was, place.Name);
        }

        var between = was.Name == place.Name ? place.Name : $"mops {Guid.NewGuid():N}";
        string[] steps =
        [
            .. was.Name == between ? [] : new[] { Rename(was, between) },
            $"ALTER STATISTICS {(was with { Name = between }).Quoted} SET SCHEMA {PostgresServer.Quote(place.Schema)}",
            .. place.Name == between ? [] : new[] { Rename(place with { Name = between }, place.Name) },
        ];
        return string.Join("; ", steps);
    }

    private static string Rename(TableName was, string name) => $"ALTER STATISTICS {was.Quoted} RENAME TO {PostgresServer.Quote(name)}";
}
