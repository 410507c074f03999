using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Fills a private database with all definitions of a dump, but with the rows of one part only. Nothing in it acts on its own.
/// Foreign keys are left out, because the tables that they lead to stay empty.
/// </summary>
internal sealed class PartFill(DumpPlayer player, PostgresServer database, PostgresDatabase facts)
{
    /// <summary>Sequences that the tables own or take their numbers from.</summary>
    private const string Sequences = """
        SELECT DISTINCT n.nspname, s.relname FROM pg_catalog.pg_class s JOIN pg_catalog.pg_namespace n ON n.oid = s.relnamespace
        WHERE s.relkind = 'S' AND (
            EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = pg_catalog.to_regclass($1))
            OR EXISTS (SELECT FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attrdef a ON d.classid = 'pg_catalog.pg_attrdef'::regclass AND d.objid = a.oid WHERE d.refobjid = s.oid AND a.adrelid = pg_catalog.to_regclass($1)))
        """;

    private readonly List<UnrestoredObject> unrestored = [];

    /// <summary>What of the part could not be restored. What else the database holds is nobody's concern.</summary>
    public IReadOnlyList<UnrestoredObject> Unrestored => unrestored;

    public void FillDefinitions()
    {
        database.Execute("SELECT pg_catalog.set_config('search_path', '', false)");
        player.PlayDefinitions("pre-data", e => !e.IsActive);
        DefinitionRetry.Run(player, database, facts, isLive: false);
        PrivateCopy.CutOff(database);
    }

    /// <returns>The rows of each table, by its name.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.VerificationFailed"/>: not all rows arrived.</exception>
    public Dictionary<string, long> FillRows(List<PartMember> members, string? schema, CancellationToken cancellation)
    {
        var tables = members.Where(m => m.HasRows).Select(m => m.Was).ToList();
        var hashed = new HashedPartitions(database, members);
        if (schema is not null)
        {
            player.PlayRows($"--schema={schema}");
        }
        else
        {
            Play([.. tables.Except(hashed.Tables)]);
        }

        var refusals = new List<string>();
        var arrived = new Dictionary<string, long>();
        var recorded = facts.Tables.ToDictionary(t => t.Name, t => t.Rows);
        hashed.WhileFree(() =>
        {
            refusals = hashed.Fill(player);
            arrived = Count(tables, cancellation);
            if (tables.Where(t => recorded.TryGetValue(t.ToString(), out var rows) && rows > 0 && arrived[t.ToString()] == 0).Select(t => t.ToString()).ToList() is { Count: > 0 } empty)
            {
                unrestored.AddRange(new RowRepair(player, database, facts) { EntryOf = hashed.EntryOf }.Run(empty));
                arrived = Count(tables, cancellation);
            }
        });

        foreach (var table in PartitionRoots.Differing(database, facts.Tables.Where(t => arrived.ContainsKey(t.Name)), arrived).Select(t => t.Name))
        {
            var words = string.Join(" ", player.Errors.Where(e => e.Entry.StartsWith("TABLE DATA ", StringComparison.Ordinal)).Select(e => e.Error).Concat(refusals).Take(3));
            throw new MaintenanceException(ErrorCode.VerificationFailed, $"{arrived[table]} of {recorded[table]} rows of '{table}' came out of the dump.{(words.Length > 0 ? $" The server says: {words}." : "")} Nothing was changed.", table);
        }

        return arrived;
    }

    public void FillRest(List<PartMember> members)
    {
        player.PlayDefinitions("post-data", e => !e.IsActive && !e.IsForeignKey && !e.IsViewContent);
        var retry = new OwnersRetry(database, facts);
        var names = members.SelectMany(m => Spellings(m.Was)).ToList();
        unrestored.AddRange(player.Errors
            .Where(e => e.Statement.Length > 0 && names.Exists(n => e.Statement.Contains(n, StringComparison.Ordinal)))
            .Where(e => !retry.TryIndex(e))
            .Select(e => e.ToUnrestored()));
    }

    /// <summary>Sets the sequences that are used; which these are, triggers tell too.</summary>
    public void FillSequences(List<PartMember> members, string? schema)
    {
        Play([.. members.SelectMany(m => database.Rows(Sequences, r => new TableName(r.GetString(0), r.GetString(1)), m.Was.Quoted)).Concat(NamedSequences.Of(database, members, schema).Select(s => s.Sequence)).Distinct().Where(s => s.Schema != schema)]);
    }

    private Dictionary<string, long> Count(List<TableName> tables, CancellationToken cancellation)
    {
        var counted = new Dictionary<string, long>(StringComparer.Ordinal);
        foreach (var table in tables)
        {
            cancellation.ThrowIfCancellationRequested();
            counted[table.ToString()] = database.Scalar<long>($"SELECT count(*) FROM ONLY {table.Quoted}");
        }

        return counted;
    }

    private void Play(List<TableName> names)
    {
        foreach (var schema in names.GroupBy(n => n.Schema))
        {
            player.PlayRows([$"--schema={schema.Key}", .. schema.Select(n => $"--table={n.Name}")]);
        }
    }

    /// <summary>A table's name as <c>pg_dump</c> may write it: with quotes only where they are needed.</summary>
    private static IEnumerable<string> Spellings(TableName table)
    {
        var name = PartLeftovers.IsPlain(table.Name) ? table.Name : PostgresServer.Quote(table.Name);
        var schema = PartLeftovers.IsPlain(table.Schema) ? table.Schema : PostgresServer.Quote(table.Schema);
        foreach (var end in new[] { " ", "\n", ";", "(" })
        {
            yield return $"{schema}.{name}{end}";
            yield return $"{schema}.{PostgresServer.Quote(table.Name)}{end}";
        }
    }
}
