using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// What outside of a part is bound to it, from before the part is replaced until the new one has its place: views, policies,
/// rules, defaults, triggers and functions are made anew from their own words. Nothing may stay bound to what was moved
/// aside unless that is told; else all of it is undone.
/// </summary>
internal sealed class BoundOutside
{
    private const string View = """
        SELECT n.nspname, v.relname, v.relkind::text, pg_catalog.array_to_string(v.reloptions, ', '), pg_catalog.pg_get_viewdef(v.oid)
        FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class v ON v.oid = r.ev_class JOIN pg_catalog.pg_namespace n ON n.oid = v.relnamespace
        WHERE r.oid = $1::oid AND r.rulename = '_RETURN'
        """;

    private readonly PostgresServer live;
    private readonly IReadOnlyList<long> tables;
    private readonly long schema;
    private readonly List<(Dependent Dependent, string? Statement)> statements = [];
    private readonly List<(Dependent Dependent, TableName Name, string Kind, string Statement)> views = [];
    private readonly HashSet<(string, long)> told = [];
    private readonly Dictionary<(string, long), string> refusals = [];

    /// <summary>Reads what there is while everything still has its old name.</summary>
    /// <param name="live">The database.</param>
    /// <param name="tables">The numbers of the tables that will be replaced.</param>
    /// <param name="schema">The number of the schema that will be replaced; 0 for none.</param>
    public BoundOutside(PostgresServer live, IReadOnlyList<long> tables, long schema = 0)
    {
        (this.live, this.tables, this.schema) = (live, tables, schema);
        var all = Dependents.Of(live, tables, schema);
        var types = all.Select(d => d.Type).Where(t => t != 0).Distinct().ToArray();
        Sequences = [.. all.Select(d => d.Sequence).OfType<TableName>().Distinct()];
        foreach (var dependent in all.DistinctBy(d => (d.Key, d.Words)).Where(d => !IsHandedOn(d)))
        {
            if (TakeView(dependent) is { } view)
            {
                views.Add(view);
            }
            else
            {
                statements.Add((dependent, Rebinding.Of(live, dependent, types)));
            }
        }
    }

    /// <summary>Sequences of the part that something outside takes numbers from.</summary>
    public IReadOnlyList<TableName> Sequences { get; }

    /// <summary>Refuses at once what can be seen to be impossible, before the part is filled for hours.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public void RequireMovable(string what) => Require(what, [.. statements.Where(s => s.Statement is null).Select(s => s.Dependent)]);

    /// <summary>Makes everything anew, now that the new part has the name.</summary>
    /// <returns>The views that still read what was moved aside.</returns>
    public List<UnrestoredObject> Rebind()
    {
        // Plain words in a function's body are nobody's concern here: they find their tables when it runs.
        live.Execute("SET LOCAL check_function_bodies = off");
        foreach (var (dependent, statement) in statements.OrderBy(s => s.Dependent.Class == "pg_proc" ? 0 : 1))
        {
            if (statement is not null && Try(statement) is { } words)
            {
                refusals[dependent.Key] = words;
            }
        }

        return Repoint();
    }

    /// <summary>The last look before the end of the transaction.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public void RequireNothingLeft(string what) => Require(what, [.. Dependents.Of(live, tables, schema).DistinctBy(d => (d.Key, d.Words)).Where(d => !told.Contains(d.Key) && !IsOfParent(d))]);

    private void Require(string what, List<Dependent> bound)
    {
        if (bound.Count > 0)
        {
            var list = string.Join("; ", bound.Take(20).Select(d => d.Words + (refusals.TryGetValue(d.Key, out var words) ? $" ({words})" : "")));
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                $"{bound.Count} objects of '{live.Database}' are bound to {what} itself and not to its name, so they would go on with the old one that is kept aside: {list}{(bound.Count > 20 ? "; …" : "")}. Restore it under another name with -As and copy the rows from there, or drop these objects, restore, and make them again. Nothing was changed.",
                bound[0].Words);
        }
    }

    /// <summary>Foreign keys are dropped and made again by others; what a partition or child has from its parent follows the parent's.</summary>
    private bool IsHandedOn(Dependent dependent) => dependent.Class switch
    {
        "pg_constraint" => live.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE oid = $1::oid AND (contype = 'f' OR coninhcount > 0))", dependent.Id),
        "pg_trigger" => live.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger t WHERE t.oid = $1::oid AND coalesce(pg_catalog.to_jsonb(t)->>'tgparentid', '0') <> '0')", dependent.Id),
        _ => false,
    };

    /// <summary>A foreign key that leads to a parent has one of its own to each partition, which comes and goes with the partition's place.</summary>
    private bool IsOfParent(Dependent dependent) =>
        dependent.Class == "pg_constraint" && live.Scalar<bool>("SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE oid = $1::oid AND contype = 'f' AND conparentid <> 0)", dependent.Id);

    private (Dependent, TableName, string, string)? TakeView(Dependent dependent)
    {
        if (dependent.Class != "pg_rewrite" || live.Rows(View, r => (Name: new TableName(r.GetString(0), r.GetString(1)), Kind: r.GetString(2), Options: r.IsDBNull(3) ? "" : $" WITH ({r.GetString(3)})", Definition: r.GetString(4)), dependent.Id) is not [var view])
        {
            return null;
        }

        return (dependent, view.Name, view.Kind, view.Kind == "m"
            ? MaterializedViews.Remake(live, view.Name, view.Options, view.Definition)
            : $"CREATE OR REPLACE VIEW {view.Name.Quoted}{view.Options} AS {view.Definition}");
    }

    /// <summary>Lets the views read what has the old name now. Materialized views keep the rows that they have.</summary>
    private List<UnrestoredObject> Repoint()
    {
        var left = new List<UnrestoredObject>();
        foreach (var (dependent, view, kind, statement) in views)
        {
            if (kind == "m")
            {
                left.Add(new UnrestoredObject($"MATERIALIZED VIEW {view}", "It still reads the table that was kept aside. It has to be made anew, and so has what reads it; give rights on them again.", statement));
                told.Add(dependent.Key);
            }
            else if (Try(statement) is { } words)
            {
                left.Add(new UnrestoredObject($"VIEW {view}", $"It still reads the table that was kept aside: {words}", statement));
                told.Add(dependent.Key);
            }
        }

        return left;
    }

    /// <summary>Inside the server, for the driver would cut a function's body where it has a semicolon.</summary>
    private void Run(string statement)
    {
        live.Execute("SELECT pg_catalog.set_config('mops.statement', $1, true)", statement);
        live.Execute("DO $$ BEGIN EXECUTE pg_catalog.current_setting('mops.statement'); END $$");
    }

    private string? Try(string statement)
    {
        live.Execute("SAVEPOINT piece");
        try
        {
            Run(statement);
            live.Execute("RELEASE SAVEPOINT piece");
            return null;
        }
        catch (PostgresException e) when (e.SqlState != PostgresErrorCodes.LockNotAvailable)
        {
            live.Execute("ROLLBACK TO SAVEPOINT piece");
            return e.MessageText;
        }
    }
}
