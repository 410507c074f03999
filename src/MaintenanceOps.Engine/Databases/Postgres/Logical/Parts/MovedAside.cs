using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// What a restored part replaces: it is renamed and kept. Foreign keys and views that were about the name and not about the old
/// content are handed on to what has the name next.
/// </summary>
internal sealed class MovedAside(PostgresServer live)
{
    private const string Views = """
        SELECT DISTINCT n.nspname, v.relname, v.relkind::text, pg_catalog.array_to_string(v.reloptions, ', '), pg_catalog.pg_get_viewdef(v.oid)
        FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid JOIN pg_catalog.pg_class v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
        WHERE d.classid = 'pg_catalog.pg_rewrite'::regclass AND d.refclassid = 'pg_catalog.pg_class'::regclass AND d.refobjid = pg_catalog.to_regclass($1) AND v.relkind IN ('v', 'm')
        """;

    private const string Publications = "SELECT p.pubname FROM pg_catalog.pg_publication_rel r JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid WHERE r.prrelid = pg_catalog.to_regclass($1)";

    private readonly string suffix = KeptName.Suffix();
    private readonly List<(TableName View, string Kind, string Statement)> views = [];

    /// <summary>Foreign keys of other tables that led to what was moved; they were dropped and can be made anew.</summary>
    public List<ForeignKey> ForeignKeys { get; } = [];

    public List<string> Notes { get; } = [];

    public void MoveTable(TableName table)
    {
        TakeReferences(table);
        foreach (var companion in TableCompanions.Of(live, table))
        {
            live.Execute(companion.RenameTo(KeptName.Of(companion.Name, suffix, name => TableCompanions.IsTaken(live, companion.Schema, name))));
        }

        var kept = KeptName.Of(table.Name, suffix, name => TableCompanions.IsTaken(live, table.Schema, name));
        live.Execute($"ALTER TABLE {table.Quoted} RENAME TO {PostgresServer.Quote(kept)}");
        Notes.Add($"The table that was there before is kept as '{new TableName(table.Schema, kept)}'. Drop it when the new one is known to be right.");
    }

    public void MoveSchema(string schema)
    {
        foreach (var table in live.Rows("SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm')", r => new TableName(r.GetString(0), r.GetString(1)), schema))
        {
            TakeReferences(table, schema);
        }

        var kept = KeptName.Of(schema, suffix, name => PartPlace.HasSchema(live, name));
        live.Execute($"ALTER SCHEMA {PostgresServer.Quote(schema)} RENAME TO {PostgresServer.Quote(kept)}");
        Notes.Add($"The schema that was there before is kept as '{kept}'. Drop it when the new one is known to be right.");
    }

    /// <summary>Lets the views read what has the old name now. Materialized views keep the rows that they have.</summary>
    /// <returns>The views that still read what was moved aside.</returns>
    public List<UnrestoredObject> RepointViews()
    {
        var left = new List<UnrestoredObject>();
        foreach (var (view, kind, statement) in views.DistinctBy(v => v.View))
        {
            if (kind == "m")
            {
                left.Add(new UnrestoredObject($"MATERIALIZED VIEW {view}", "It still reads the table that was kept aside, and has to be made anew.", statement));
                continue;
            }

            live.Execute("SAVEPOINT piece");
            try
            {
                live.Execute(statement);
                live.Execute("RELEASE SAVEPOINT piece");
            }
            catch (PostgresException e)
            {
                live.Execute("ROLLBACK TO SAVEPOINT piece");
                left.Add(new UnrestoredObject($"VIEW {view}", $"It still reads the table that was kept aside: {e.MessageText}", statement));
            }
        }

        return left;
    }

    /// <param name="table">What is moved.</param>
    /// <param name="schema">What in this schema refers to it is moved with it.</param>
    private void TakeReferences(TableName table, string? schema = null)
    {
        foreach (var (view, kind, options, definition) in live.Rows(Views, r => (new TableName(r.GetString(0), r.GetString(1)), r.GetString(2), r.IsDBNull(3) ? "" : $" WITH ({r.GetString(3)})", r.GetString(4)), table.Quoted))
        {
            if (view.Schema != schema)
            {
                views.Add((view, kind, kind == "m"
                    ? $"DROP MATERIALIZED VIEW {view.Quoted}; CREATE MATERIALIZED VIEW {view.Quoted}{options} AS {definition}"
                    : $"CREATE OR REPLACE VIEW {view.Quoted}{options} AS {definition}"));
            }
        }

        foreach (var key in ForeignKey.Of(live).Where(k => k.Target == table && k.Table != table && k.Table.Schema != schema))
        {
            live.Execute($"ALTER TABLE {key.Table.Quoted} DROP CONSTRAINT {PostgresServer.Quote(key.Name)}");
            ForeignKeys.Add(key);
        }

        foreach (var publication in live.Rows(Publications, r => r.GetString(0), table.Quoted))
        {
            Notes.Add($"Publication '{publication}' still publishes the table that was kept aside: ALTER PUBLICATION {PostgresServer.Quote(publication)} ADD TABLE {table.Quoted};");
        }
    }
}
