using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Gets a part ready to be carried, in a database that nobody needs: cuts what ties it to tables that do not come along, and
/// moves it into schemas of its own, where everything has the name that it will have.
/// </summary>
internal sealed class PartStage(PostgresServer from, PartName part, List<PartMember> members, Func<string> newSchema)
{
    /// <summary>Two tables of one name come from two schemas, and get two names only at the end, so each pair of schemas has one here.</summary>
    private readonly Dictionary<(string From, string To), string> schemas = [];

    /// <summary>The schemas that hold the part, each with the one in which its content ends.</summary>
    public IEnumerable<(string Staged, string Target)> Schemas => schemas.Select(s => (s.Value, s.Key.To));

    private readonly List<(PartMember Member, TableName Parent, string Note)> links = [];
    private readonly List<string> notes = [];
    private List<ClonedTrigger> triggers = [];

    /// <summary>What the user should know.</summary>
    public IEnumerable<string> Notes => [.. notes, .. links.Select(l => l.Note)];

    /// <summary>How triggers are enabled that come back with a place below a parent.</summary>
    public IReadOnlyList<ClonedTrigger> Triggers => triggers;

    public PartStatistics Statistics { get; } = new(from);

    /// <summary>The tables that are carried.</summary>
    public List<PartMember> Members => members;

    public void Prepare()
    {
        triggers = ClonedTrigger.Of(from, members);
        CutLinks();
        if (part.Schema is { } schema)
        {
            MoveSchema(schema);
        }
        else
        {
            members.ForEach(m => MoveTable(m));
            RenameTables();
        }
    }

    /// <summary>A table's place while it is carried.</summary>
    public TableName StagedName(PartMember member) => new(SchemaOf(member), member.Target.Name);

    private string SchemaOf(PartMember member) => schemas[(member.Was.Schema, member.Target.Schema)];

    /// <summary>The materialized views of a whole schema by the names that they have while they are carried.</summary>
    public IEnumerable<DumpEntry> MovedViews(IEnumerable<DumpEntry> views)
    {
        var was = part.Schema is { } schema ? DumpEntry.Start("MATERIALIZED VIEW DATA", schema, "").TrimEnd() + " " : null;
        return was is null ? [] : views.Where(v => v.Text.StartsWith(was, StringComparison.Ordinal)).Select(v => v with { Text = $"MATERIALIZED VIEW DATA {Schemas.Single().Staged} {v.Text[was.Length..]}" });
    }

    /// <summary>A partition without its parent becomes a table of its own; foreign tables hold no rows of the snapshot and stay behind.</summary>
    private void CutLinks()
    {
        const string Parents = """
            SELECT n.nspname, p.relname, c.relispartition, coalesce(pg_catalog.pg_get_expr(c.relpartbound, c.oid), '')
            FROM pg_catalog.pg_inherits i JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid JOIN pg_catalog.pg_class p ON p.oid = i.inhparent JOIN pg_catalog.pg_namespace n ON n.oid = p.relnamespace
            WHERE i.inhrelid = pg_catalog.to_regclass($1)
            """;
        var inside = members.Where(m => !m.IsForeign).Select(m => m.Was).ToHashSet();
        foreach (var member in members.ToList())
        {
            foreach (var (parent, isPartition, bound) in from.Rows(Parents, r => (new TableName(r.GetString(0), r.GetString(1)), r.GetBoolean(2), r.GetString(3)), member.Was.Quoted))
            {
                if (member.IsForeign || !inside.Contains(parent))
                {
                    from.Execute(isPartition ? $"ALTER TABLE {parent.Quoted} DETACH PARTITION {member.Was.Quoted}" : $"ALTER TABLE {member.Was.Quoted} NO INHERIT {parent.Quoted}");
                    NoteLink(member, parent, isPartition, bound);
                }
            }

            if (member.IsForeign)
            {
                if (part.Schema is null)
                {
                    members.Remove(member);
                }

                notes.Add($"'{member.Was}' is a foreign table: its rows are on another server and not in the snapshot{(part.Schema is null ? ", so it was left out" : "")}.");
            }
        }
    }

    private void NoteLink(PartMember member, TableName parent, bool isPartition, string bound)
    {
        if (!member.IsForeign)
        {
            links.Add((member, parent, isPartition
                ? $"'{member.Target}' came back as a table of its own. It was a partition: ALTER TABLE {parent.Quoted} ATTACH PARTITION {member.Target.Quoted} {bound};{string.Concat(triggers.Where(t => t.Table == member.Target).Select(t => " " + t.Statement))}"
                : $"'{member.Target}' came back as a table of its own. It was a child of '{parent}': ALTER TABLE {member.Target.Quoted} INHERIT {parent.Quoted};"));
        }
    }

    /// <summary>What came back has its place below a parent again, and nobody has to be told to give it.</summary>
    public void ForgetLink(TableName target, TableName parent) => links.RemoveAll(l => l.Member.Target == target && l.Parent == parent);

    /// <summary>What belongs to an extension is not carried, so it must keep the schema in which the live database has it too.</summary>
    private void MoveSchema(string schema)
    {
        var staged = schemas[(schema, part.TargetSchema())] = newSchema();
        from.Execute($"ALTER SCHEMA {PostgresServer.Quote(schema)} RENAME TO {PostgresServer.Quote(staged)}");
        ForgetInitialRights(staged);
        Statistics.TakeOutside(staged, schema, part.TargetSchema());
        var extensions = from.Rows("SELECT e.extname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = $1", r => r.GetString(0), staged);
        if (extensions.Count == 0)
        {
            return;
        }

        from.Execute($"CREATE SCHEMA {PostgresServer.Quote(schema)}");
        foreach (var extension in extensions)
        {
            try
            {
                // Some refuse to be moved, because their functions know where they are. Here nobody calls them any more.
                from.Execute("UPDATE pg_catalog.pg_extension SET extrelocatable = true WHERE extname = $1 AND NOT extrelocatable", extension);
                from.Execute($"ALTER EXTENSION {PostgresServer.Quote(extension)} SET SCHEMA {PostgresServer.Quote(schema)}");
            }
            catch (PostgresException e)
            {
                notes.Add($"Extension '{extension}' in schema '{schema}' was in the way: {e.MessageText}");
            }
        }
    }

    /// <summary>The rights that initdb gave on public are not dumped, for another public has them; under another name it has not.</summary>
    private void ForgetInitialRights(string schema)
    {
        try
        {
            from.Execute("DELETE FROM pg_catalog.pg_init_privs WHERE classoid = 'pg_catalog.pg_namespace'::regclass AND objoid = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)", schema);
        }
        catch (PostgresException)
        {
            notes.Add("The rights on the schema itself may be missing: only a superuser can read which of them it had from the beginning. Look at them with \\dn+.");
        }
    }

    /// <summary>Its indexes, constraints and own sequences go with it.</summary>
    private void MoveTable(PartMember member)
    {
        if (!schemas.TryGetValue((member.Was.Schema, member.Target.Schema), out var staged))
        {
            staged = schemas[(member.Was.Schema, member.Target.Schema)] = newSchema();
            from.Execute($"CREATE SCHEMA {PostgresServer.Quote(staged)}");
        }

        Statistics.TakeOf(member, staged);
        from.Execute($"ALTER TABLE {member.Was.Quoted} SET SCHEMA {PostgresServer.Quote(staged)}");
    }

    /// <summary>The longest names first, so that none is renamed to one that still waits.</summary>
    private void RenameTables()
    {
        foreach (var member in members.Where(m => m.Was.Name != m.Target.Name).OrderByDescending(m => m.Was.Name.Length))
        {
            var schema = SchemaOf(member);
            var table = new TableName(schema, member.Was.Name);
            foreach (var companion in TableCompanions.Of(from, table).Where(c => c.Kind != TableCompanion.Statistics).OrderByDescending(c => c.Name.Length))
            {
                var renamed = PartNames.Free(PartNames.Follow(companion.Name, member.Was.Name, member.Target.Name), name => TableCompanions.IsTaken(from, schema, name));
                from.Execute(companion.RenameTo(renamed));
            }

            from.Execute($"ALTER TABLE {table.Quoted} RENAME TO {PostgresServer.Quote(member.Target.Name)}");
        }
    }
}
