using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// What a restored part replaces: it is renamed and kept. Foreign keys and views that were about the name and not about the old
/// content are handed on to what has the name next.
/// </summary>
internal sealed class MovedAside(PostgresServer live)
{
    /// <summary>From version 15 on a publication may choose columns and rows of a table.</summary>
    private const string Choice = """
        coalesce(' (' || (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_catalog.pg_attribute a WHERE a.attrelid = r.prrelid AND a.attnum = ANY (r.prattrs)) || ')', '')
            || coalesce(' WHERE (' || pg_catalog.pg_get_expr(r.prqual, r.prrelid) || ')', '')
        """;

    private readonly string suffix = KeptName.Suffix();
    private readonly List<(TableName Was, TableName Kept)> sequences = [];
    private readonly List<(string Extension, TableName Table)> extensions = [];
    private BoundOutside? outside;
    private NamingRows? naming;
    private string? keptSchema;

    /// <summary>Foreign keys of other tables that led to what was moved; they were dropped and can be made anew.</summary>
    public List<ForeignKey> ForeignKeys { get; } = [];

    public List<string> Notes { get; } = [];

    private readonly List<UnrestoredObject> left = [];

    /// <summary>The names under which tables are kept, by those that they had.</summary>
    public Dictionary<TableName, TableName> Kept { get; } = [];

    /// <summary>Moves tables with all partitions that hang below them, also those that the new ones will not have.</summary>
    public void MoveTables(IReadOnlyList<TableName> tables)
    {
        List<TableName> all = [.. tables.Concat(tables.SelectMany(t => LivePart.PartitionsBelow(live, t))).Distinct()];
        var ids = LivePart.IdsOf(live, all);
        outside = new BoundOutside(live, ids);
        naming = new NamingRows(live, ids);
        all.ForEach(MoveTable);
    }

    private void MoveTable(TableName table)
    {
        const string Extensions = "SELECT e.extname FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::regclass AND e.oid = d.refobjid WHERE d.deptype = 'e' AND d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = pg_catalog.to_regclass($1)";
        extensions.AddRange(live.Rows(Extensions, r => (PostgresServer.Quote(r.GetString(0)), table), table.Quoted));
        TakeReferences(table);
        foreach (var companion in TableCompanions.Of(live, table))
        {
            var renamed = KeptName.Of(companion.Name, suffix, name => TableCompanions.IsTaken(live, companion.Schema, name));
            live.Execute(companion.RenameTo(renamed));
            if (companion.Kind == "SEQUENCE")
            {
                sequences.Add((new TableName(companion.Schema, companion.Name), new TableName(companion.Schema, renamed)));
            }
        }

        var kept = KeptName.Of(table.Name, suffix, name => TableCompanions.IsTaken(live, table.Schema, name));
        live.Execute($"ALTER TABLE {table.Quoted} RENAME TO {PostgresServer.Quote(kept)}");
        Kept[table] = new TableName(table.Schema, kept);
        Notes.Add($"The table that was there before is kept as '{Kept[table]}'. Drop it when the new one is known to be right.");
    }

    public void MoveSchema(string schema)
    {
        outside = new BoundOutside(live, [], LivePart.IdOf(live, schema));
        naming = new NamingRows(live, [], LivePart.IdOf(live, schema));
        var tables = new List<TableName>();
        foreach (var table in live.Rows("SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p')", r => new TableName(r.GetString(0), r.GetString(1)), schema))
        {
            TakeReferences(table, schema);
            tables.Add(table);
        }

        TakePublications(schema);
        foreach (var statistics in PartStatistics.Outside(live, schema))
        {
            var free = KeptName.Of(statistics.Name, suffix, name => PartStatistics.IsTaken(live, statistics.Schema, name));
            live.Execute(new TableCompanion(TableCompanion.Statistics, statistics.Schema, statistics.Name).RenameTo(free));
        }

        var kept = KeptName.Of(schema, suffix, name => PartPlace.HasSchema(live, name));
        live.Execute($"ALTER SCHEMA {PostgresServer.Quote(schema)} RENAME TO {PostgresServer.Quote(kept)}");
        keptSchema = kept;
        tables.ForEach(t => Kept[t] = t with { Schema = kept });
        sequences.AddRange(outside.Sequences.Select(s => (s, s with { Schema = kept })));
        Notes.Add($"The schema that was there before is kept as '{kept}'. Drop it when the new one is known to be right.");
    }

    /// <summary>Hands on to the new part what outside was bound to the old one.</summary>
    /// <returns>What still goes on with what was moved aside: views, publications, and rows that name it.</returns>
    public List<UnrestoredObject> Rebind()
    {
        foreach (var (was, kept) in sequences.Where(s => outside!.Sequences.Contains(s.Was) || NamedSequences.IsInFunctions(live, s.Was.Name)))
        {
            SequenceState.SetForward(live, was, kept);
        }

        extensions.ForEach(e => live.Execute($"ALTER EXTENSION {e.Extension} DROP TABLE {Kept[e.Table].Quoted}; ALTER EXTENSION {e.Extension} ADD TABLE {e.Table.Quoted}"));
        left.AddRange(outside?.Rebind() ?? []);
        left.AddRange(naming?.Rewrite() ?? []);
        Notes.AddRange(naming?.Notes ?? []);
        return left;
    }

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>: something outside is still bound to what was moved aside.</exception>
    public void RequireNothingLeft(string what) => outside?.RequireNothingLeft(what);

    /// <summary>Extensions belong to the database and not to what was replaced: they stay in the schema of their name.</summary>
    public void ReturnExtensions(string schema)
    {
        foreach (var extension in keptSchema is null ? [] : live.Rows("SELECT e.extname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace WHERE n.nspname = $1", r => r.GetString(0), keptSchema))
        {
            live.Execute("SAVEPOINT piece");
            try
            {
                live.Execute($"ALTER EXTENSION {PostgresServer.Quote(extension)} SET SCHEMA {PostgresServer.Quote(schema)}");
                live.Execute("RELEASE SAVEPOINT piece");
            }
            catch (PostgresException e)
            {
                live.Execute("ROLLBACK TO SAVEPOINT piece");
                Notes.Add($"Extension '{extension}' is in '{keptSchema}' now, because it could not be moved: {e.MessageText} Do not drop that schema before.");
            }
        }
    }

    /// <param name="table">What is moved.</param>
    /// <param name="schema">What in this schema refers to it is moved with it.</param>
    private void TakeReferences(TableName table, string? schema = null)
    {
        TakeKeysTo(table, schema);
        foreach (var (publication, choice) in live.Rows(Publications(live), r => (PostgresServer.Quote(r.GetString(0)), r.GetString(1)), table.Quoted))
        {
            left.Add(new UnrestoredObject($"PUBLICATION {publication}", "It publishes the table that was kept aside, and not the restored one. Subscribers have to copy the table again.", $"ALTER PUBLICATION {publication} ADD TABLE {table.Quoted}{choice};"));
        }
    }

    private static string Publications(PostgresServer live) =>
        $"SELECT p.pubname, {(live.Version >= 150000 ? Choice : "''")} FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = pg_catalog.to_regclass($1)";

    /// <summary>Drops foreign keys that lead to a table, to be made again.</summary>
    public void TakeKeysTo(TableName table, string? schema = null)
    {
        foreach (var key in ForeignKey.Of(live).Where(k => k.Target == table && k.Table != table && k.Table.Schema != schema))
        {
            live.Execute($"ALTER TABLE {key.Table.Quoted} DROP CONSTRAINT {PostgresServer.Quote(key.Name)}");
            ForeignKeys.Add(key);
        }
    }

    /// <summary>Publications of whole schemas, which there are from version 15 on.</summary>
    private void TakePublications(string schema)
    {
        if (live.Version < 150000)
        {
            return;
        }

        foreach (var publication in live.Rows("SELECT p.pubname FROM pg_catalog.pg_publication_namespace s JOIN pg_catalog.pg_publication p ON p.oid = s.pnpubid JOIN pg_catalog.pg_namespace n ON n.oid = s.pnnspid WHERE n.nspname = $1", r => PostgresServer.Quote(r.GetString(0)), schema))
        {
            left.Add(new UnrestoredObject($"PUBLICATION {publication}", "It publishes the schema that was kept aside, and not the restored one. Subscribers have to copy its tables again.", $"ALTER PUBLICATION {publication} ADD TABLES IN SCHEMA {PostgresServer.Quote(schema)};"));
        }
    }
}
