using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical.Parts;

/// <summary>
/// Carries one table with all that belongs to it, or one schema, out of a database that holds it as it was into a live one. In
/// the live database it is filled in a schema that nobody looks into, counted there, and put into its place in one transaction.
/// </summary>
internal sealed class PartRestore(PostgresServer live, IOperationSink sink, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options)
{
    private readonly PartName part = new(options);

    /// <summary>What is wanted, and what it is called where it goes.</summary>
    public PartName Part => part;

    private bool MayReplace => options.Force || options.InPlace;

    /// <summary>Looks before anything is read whether the name is free; what belongs to a table is looked for later.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationInUse"/>.</exception>
    public void RequireFree()
    {
        if (MayReplace)
        {
            return;
        }

        if (part.Schema is not null)
        {
            PartPlace.RequireFreeSchema(live, part.TargetSchema());
            return;
        }

        if (KnownTable() is { } table)
        {
            PartPlace.RequireFreeTable(live, part.TargetOf(table, live));
        }
    }

    /// <summary>What it comes to, as far as the snapshot tells without being opened.</summary>
    public RestoreResult Describe()
    {
        List<TableCount> tables = part.Schema is { } schema ? [.. facts.Tables.Where(t => t.Name.StartsWith(schema + ".", StringComparison.Ordinal))]
            : KnownTable() is { } table ? [.. facts.Tables.Where(t => t.Name == table.ToString())]
            : [];
        var target = part.Schema is null ? (KnownTable() is { } known ? part.TargetOf(known, live).ToString() : options.As ?? options.Table!) : part.TargetSchema();
        return Result(target, tables);
    }

    /// <summary>Carries it over.</summary>
    /// <param name="from">The database that holds it; it is changed, so it must be one that nobody needs.</param>
    /// <param name="members">The tables that belong to it.</param>
    /// <param name="expected">The rows of each, by the name that it has in <paramref name="from"/>.</param>
    /// <param name="foreignKeys">The foreign keys of the database as it was.</param>
    /// <param name="views">The materialized views that were filled, which <paramref name="from"/> has unfilled.</param>
    /// <param name="before">What could not be restored on the way here.</param>
    /// <param name="cancellation">Ends it; the live database is then as it was.</param>
    public RestoreResult Carry(PostgresServer from, List<PartMember> members, IReadOnlyDictionary<string, long> expected, List<ForeignKey> foreignKeys, IEnumerable<DumpEntry> views, IEnumerable<UnrestoredObject> before, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var parents = PartAncestors.Of(from, members);
        var named = NamedSequences.Of(from, members, part.Schema);
        PartLeftovers.Remove(live, sink);
        var stage = new PartStage(from, part, members, () => SessionName.New(live));
        stage.Prepare();
        RequireMovable(stage.Members);
        var shared = new SharedSequences(from, live, options.Tools, named);
        var objects = new LargeObjects(from, live);
        var isInstalled = false;
        try
        {
            shared.Bring(stage.Schemas.Select(s => s.Staged), cancellation);
            var unrestored = before.Select(u => PartWords.Rename(u, members)).Concat(Fill(from, stage, expected, views, cancellation)).ToList();
            unrestored.AddRange(objects.Bring(stage.Members.Select(stage.StagedName), cancellation));
            RequireAll(unrestored);
            var install = new PartInstall(live, part, stage, MayReplace);
            unrestored.AddRange(install.Run(PartForeignKeys.Of(foreignKeys, stage, parents, part.IsRenamed), options.Strict));
            isInstalled = true;
            var tables = stage.Members.Where(m => m.HasRows).Select(m => new TableCount(m.Target.ToString(), expected[m.Was.ToString()])).ToList();
            var target = part.Schema is null ? stage.Members[0].Target.ToString() : part.TargetSchema();
            return Result(target, tables) with { Warnings = [.. stage.Notes, .. shared.Notes, .. objects.Notes, .. install.Notes], Unrestored = unrestored, Elapsed = watch.Elapsed };
        }
        finally
        {
            if (!isInstalled)
            {
                stage.Schemas.ToList().ForEach(s => PartLeftovers.Drop(live, sink, s.Staged));
                shared.Undo();
                objects.Undo();
            }
        }
    }

    /// <summary>What is outside and cannot be handed on to the new part is told before anything is filled.</summary>
    private void RequireMovable(List<PartMember> members)
    {
        if (MayReplace)
        {
            LivePart.BoundTo(live, part, members).RequireMovable(part.Words);
        }
    }

    /// <summary>Fills the part's schemas in the live database, as a whole database is filled.</summary>
    private IReadOnlyList<UnrestoredObject> Fill(PostgresServer from, PartStage stage, IReadOnlyDictionary<string, long> expected, IEnumerable<DumpEntry> views, CancellationToken cancellation)
    {
        var dump = new ServerDump(from, options.Tools, [.. stage.Schemas.Select(s => $"--schema={PostgresServer.Quote(s.Staged)}")]);
        var player = new DumpPlayer(dump, live, options.Tools, cancellation);
        TableCount[] wanted = [.. stage.Members.Where(m => m.HasRows).Select(m => new TableCount(stage.StagedName(m).ToString(), expected[m.Was.ToString()]))];
        var fill = new DatabaseFill(player, live, facts with { Tables = wanted }, cancellation) { Schemas = [.. stage.Schemas.Select(s => s.Staged)], Rooms = part.Schema is null ? [.. stage.Schemas.Select(s => s.Staged)] : [], Views = [.. stage.MovedViews(views)] };
        fill.FillTables();
        if (fill.Missing.Count > 0)
        {
            var (table, arrived, said) = fill.Missing[0];
            var words = PartWords.Rename(new UnrestoredObject("", said, ""), stage).Error;
            var member = stage.Members.First(m => stage.StagedName(m).ToString() == table.Name);
            throw new MaintenanceException(ErrorCode.VerificationFailed, $"{Math.Max(0, arrived)} rows of {table.Rows} arrived in '{member.Target}'.{(words.Length > 0 ? $" The server says: {words.TrimEnd('.')}." : "")}{EventTriggers()} Nothing was changed.", member.Target.ToString());
        }

        fill.FillRest();
        return [.. fill.Unrestored.Select(u => PartWords.Rename(u, stage))];
    }

    private void RequireAll(List<UnrestoredObject> unrestored)
    {
        if (options.Strict && unrestored.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.RestoreIncomplete,
                $"{unrestored.Count} objects of {part.Words} could not be restored, and -Strict asks for all or nothing, so nothing was changed: {string.Join("; ", unrestored.Take(5))}.",
                unrestored[0].Name);
        }
    }

    /// <summary>The table by what the snapshot knows of it; null where that does not tell, as of a partitioned table.</summary>
    private TableName? KnownTable()
    {
        var known = facts.Tables.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        var candidates = part.Candidates(facts.Name).Where(c => known.Contains(c.ToString())).ToList();
        return candidates.Count > 0 ? candidates[0] : null;
    }

    private RestoreResult Result(string target, List<TableCount> tables) => new()
    {
        Id = snapshot.Id,
        Repository = snapshot.Repository,
        Source = snapshot.Source,
        Destination = $"{live.Describe()}:{target}",
        RestoredItems = tables.Count,
        RestoredBytes = tables.Sum(t => t.Size ?? 0),
        RestoredRows = tables.Exists(t => t.Rows < 0) ? -1 : tables.Sum(t => t.Rows),
    };

    /// <summary>They run for each table that is made, and may refuse it.</summary>
    private string EventTriggers()
    {
        var enabled = live.Rows("SELECT evtname FROM pg_catalog.pg_event_trigger WHERE evtenabled <> 'D' ORDER BY evtname", r => PostgresServer.Quote(r.GetString(0)));
        return enabled.Count == 0 ? "" : $" Event triggers of the database run during a restore. If one is the cause, disable it meanwhile: {string.Join(" ", enabled.Select(t => $"ALTER EVENT TRIGGER {t} DISABLE;"))}";
    }
}
