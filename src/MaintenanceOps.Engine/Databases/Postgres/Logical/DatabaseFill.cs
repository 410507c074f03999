using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Fills an empty database from a dump: definitions, rows, a count of every table, then indexes, constraints and materialized
/// views. What the server refuses is gathered and does not cost the rest; only rows must all arrive.
/// </summary>
internal sealed class DatabaseFill(DumpPlayer player, PostgresServer database, PostgresDatabase facts, CancellationToken cancellation)
{
    private static readonly string[] TableKinds = ["TABLE DATA ", "TABLE "];
    private readonly List<UnrestoredObject> unrestored = [];

    /// <summary>Whether nothing may act on its own in it, as in a drill.</summary>
    public bool IsPrivate { get; init; }

    /// <summary>The schemas that are filled, where the rest of the database is none of ours; null for all.</summary>
    public IReadOnlyCollection<string>? Schemas { get; init; }

    /// <summary>Those of them that the restore has made for itself and drops again.</summary>
    public IReadOnlyCollection<string> Rooms { get; init; } = [];

    /// <summary>Materialized views to fill, where the dump itself does not know them as filled.</summary>
    public IReadOnlyList<DumpEntry> Views { get; init; } = [];

    /// <summary>What could not be restored, in the order of the attempts.</summary>
    public IReadOnlyList<UnrestoredObject> Unrestored => unrestored;

    /// <summary>The tables that were counted in the end.</summary>
    public IReadOnlyDictionary<string, long> Counted { get; private set; } = new Dictionary<string, long>();

    /// <summary>Tables whose rows did not all arrive, each with what the server said of it; empty where it said nothing.</summary>
    public List<(TableCount Table, long Arrived, string Words)> Missing { get; } = [];

    /// <summary>Restores definitions and rows and counts; the caller decides by <see cref="Missing"/> whether to go on.</summary>
    public void FillTables()
    {
        // As in pg_restore's own sessions: nothing is found that is not named with its schema.
        database.Execute("SELECT pg_catalog.set_config('search_path', '', false)");
        player.PlayDefinitions("pre-data", e => !(IsPrivate && e.IsActive));
        DefinitionRetry.Run(player, database, facts, isLive: Schemas is not null);
        if (IsPrivate)
        {
            PrivateCopy.CutOff(database);
        }

        player.PlayRows();
        Count();
        if (Missing.Count > 0)
        {
            unrestored.AddRange(new RowRepair(player, database, facts) { IsLive = Schemas is not null }.Run([.. Missing.Where(m => m.Arrived == 0).Select(m => m.Table.Name)]));
            Count();
        }
    }

    /// <summary>Restores what stands on the tables. Event triggers and subscriptions are left for <see cref="PlayEventTriggers"/> and <see cref="PlaySubscriptions"/>.</summary>
    public void FillRest()
    {
        player.PlayDefinitions("post-data", e => !e.IsViewContent && !e.IsEventTrigger && !e.IsSubscription && !(IsPrivate && e.IsActive));

        // Our sessions read no views, of which a materialized view may well consist; its owner's rights are all that it gets.
        database.Execute("SELECT pg_catalog.set_config(s.name, '', false) FROM pg_catalog.pg_settings s WHERE s.name = 'restrict_nonsystem_relation_kind'");
        var retry = new OwnersRetry(database, facts) { Rooms = Rooms };
        foreach (var error in player.Errors.Where(e => !IsOfMissingRows(e)))
        {
            if (!retry.TryIndex(error))
            {
                unrestored.Add(error.ToUnrestored());
            }
        }

        player.Errors.Clear();
        unrestored.AddRange(new ViewRefresh(database, [.. player.Entries, .. Views], retry).Run(cancellation));
    }

    /// <summary>
    /// Restores event triggers: from then on they fire, so nothing else is done in the database. Their own owners and comments
    /// are definitions too, which a trigger may refuse; in a session that replicates they do not fire.
    /// </summary>
    public void PlayEventTriggers()
    {
        if (!player.Entries.Exists(e => e.IsEventTrigger))
        {
            return;
        }

        unrestored.AddRange(PlayQuietly(player, database, e => e.IsEventTrigger));
    }

    /// <summary>Restores subscriptions, which <c>pg_dump</c> writes so that they do not connect.</summary>
    public static List<UnrestoredObject> PlaySubscriptions(DumpPlayer player, PostgresServer database) => PlayQuietly(player, database, e => e.IsSubscription);

    /// <summary>Restores definitions in one go in a session in which event triggers do not fire: one might refuse all of them.</summary>
    private static List<UnrestoredObject> PlayQuietly(DumpPlayer player, PostgresServer database, Func<DumpEntry, bool> wanted)
    {
        // The commands of psql that newer programs write around the statements are not for the server.
        var sql = string.Join('\n', player.ReadSql("post-data", wanted).Split('\n').Where(l => !l.StartsWith('\\')));
        try
        {
            database.Execute("SET session_replication_role = replica");
            database.Execute(sql);
            return [];
        }
        catch (PostgresException e)
        {
            return [.. player.Entries.Where(wanted).Select(t => new UnrestoredObject(DumpEntry.Describe(t.Text), e.MessageText, ""))];
        }
    }

    private void Count()
    {
        Missing.Clear();
        Counted = PostgresTables.Count(database, cancellation, Schemas).ToDictionary(t => t.Table.Name, t => t.Table.Rows);
        foreach (var table in PartitionRoots.Differing(database, facts.Tables, Counted))
        {
            // A table that could not be made and had no rows is an object that is missing, and no rows are.
            Missing.Add((table, Counted.GetValueOrDefault(table.Name, -1), WordsOf(table)));
        }
    }

    /// <summary>What the server said when the table was made or filled. Its name in the dump's list has a space for the dot.</summary>
    private string WordsOf(TableCount table) => string.Join(" ", player.Errors.Where(e => IsOf(e, table)).Select(e => e.Error));

    private static bool IsOf(RestoreError error, TableCount table)
    {
        var name = table.Name.ReplaceLineEndings(" ").Replace(' ', '.');
        return TableKinds.Any(kind => error.Entry.StartsWith(kind, StringComparison.Ordinal) && IsNamed(error.Entry[kind.Length..].Replace(' ', '.'), name));
    }

    private static bool IsNamed(string entry, string name) => entry.StartsWith(DumpEntry.AnySchema + ".", StringComparison.Ordinal)
        ? ("." + name + ".").EndsWith(entry[DumpEntry.AnySchema.Length..], StringComparison.Ordinal)
        : entry.StartsWith(name + ".", StringComparison.Ordinal);

    private bool IsOfMissingRows(RestoreError error) => error.Entry.StartsWith("TABLE DATA ", StringComparison.Ordinal) && facts.Tables.Any(t => IsOf(error, t));
}
