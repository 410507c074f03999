using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Puts a database on a live server: filled under a name of its own, checked there row by row, and swapped with the old one
/// by two renames in one transaction. Whatever fails, the old database was never touched.
/// </summary>
internal sealed class DatabaseRestore(PostgresServer server, IOperationSink sink, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options)
{
    private readonly List<string> warnings = [];

    /// <summary>What is known to be missing before anything is restored.</summary>
    public IReadOnlyList<UnrestoredObject> Lost { get; init; } = [];

    /// <param name="dump">What the database is filled from; null for a dry run.</param>
    /// <param name="cancellation">Ends the restore.</param>
    public RestoreResult Run(IDumpSource? dump, CancellationToken cancellation)
    {
        var target = options.As ?? facts.Name;
        var watch = Stopwatch.StartNew();
        RequireExtensions();
        RequireRoles();
        var exists = Exists(target);
        if (exists && !options.InPlace && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"{server.Place} has a database '{target}'. Give -As another name, or -InPlace to put this one in its place; the old one is kept beside it.", target);
        }

        RequireNoSessions(target);
        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = server.PlaceOf(target),
            RestoredBytes = facts.Size,
            RestoredItems = facts.Tables.Length,
            RestoredRows = facts.Tables.Sum(t => Math.Max(0, t.Rows)),
        };
        if (options.DryRun || dump is null)
        {
            return result;
        }

        using var staged = StagedDatabase.Create(server, sink, facts);
        var unrestored = Fill(staged, dump, cancellation);
        RequireAll(unrestored);
        Install(staged, target);
        unrestored.AddRange(ApplySettings(target));
        unrestored.AddRange(Subscribe(target, dump, cancellation));
        return result with { Warnings = warnings, Unrestored = unrestored, Elapsed = watch.Elapsed };
    }

    private bool Exists(string database) => server.Scalar<long>("SELECT count(*) FROM pg_catalog.pg_database WHERE datname = $1", database) > 0;

    /// <summary>Without its extension nothing of it works; that is told after the restore unless all or nothing is wanted.</summary>
    private void RequireExtensions()
    {
        var available = server.Rows("SELECT name FROM pg_catalog.pg_available_extensions", r => r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        if (options.Strict && facts.Extensions.Where(e => !available.Contains(e)).ToList() is { Count: > 0 } missing)
        {
            throw new MaintenanceException(ErrorCode.RestoreIncomplete, $"'{facts.Name}' needs extensions that {server.Place} does not offer: {string.Join(", ", missing)}. Install them first, or restore what does not need them without -Strict. Nothing was written.", missing[0]);
        }
    }

    /// <summary>Owners and grants come along, so their roles must be there before the first byte.</summary>
    private void RequireRoles()
    {
        var known = server.Rows("SELECT rolname FROM pg_catalog.pg_roles", r => r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        if (!options.Force && facts.Roles.Where(r => !known.Contains(r)).ToList() is { Count: > 0 } missing)
        {
            throw new MaintenanceException(
                ErrorCode.DatabaseError,
                $"Roles that own something in '{facts.Name}', or have rights on it, are missing on {server.Place}: {string.Join(", ", missing)}. Create them first: the snapshot's {PostgresDump.Globals} has the statements (Restore-Snapshot -Include {PostgresDump.Globals} -Destination folder). With -Force the database is restored without them, and what belonged to them is listed. Nothing was written.",
                missing[0]);
        }
    }

    private void RequireNoSessions(string database)
    {
        var sessions = server.Rows(
            "SELECT coalesce(nullif(application_name, ''), 'a program') || ' (' || coalesce(usename, backend_type) || ', ' || pid || ')' FROM pg_catalog.pg_stat_activity WHERE datname = $1 AND backend_type NOT LIKE 'autovacuum%'",
            r => r.GetString(0),
            database);
        if (sessions.Count > 0 && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{database}' is in use by {string.Join(", ", sessions.Take(5))}. Stop them first, or -Force to end their sessions.", database);
        }
    }

    private List<UnrestoredObject> Fill(StagedDatabase staged, IDumpSource dump, CancellationToken cancellation)
    {
        using var database = staged.Connect();
        var player = new DumpPlayer(dump, database, options.Tools, cancellation) { Parallel = options.Parallel, ScratchFolder = options.ScratchFolder };
        var fill = new DatabaseFill(player, database, facts, cancellation);
        fill.FillTables();
        var withoutRows = fill.Missing.Select(WithoutRows).ToList();
        if (withoutRows.Count > 0 && (!options.Force || options.Strict))
        {
            var (table, arrived, words) = fill.Missing[0];
            throw new MaintenanceException(
                ErrorCode.VerificationFailed,
                $"{Math.Max(0, arrived)} of {table.Rows} rows of '{table.Name}' arrived{(fill.Missing.Count > 1 ? $", and of {fill.Missing.Count - 1} more tables not all" : "")}.{(words.Length > 0 ? $" The server says: {words}." : "")}{(SearchPath.IsToBlame(words) ? $" {SearchPath.Cure}" : "")} Nothing was changed. With -Force everything else is restored, and what is missing is listed; the dump itself can be had with -Destination and without -ConnectionString.",
                table.Name);
        }

        fill.FillRest();
        fill.PlayEventTriggers();
        return [.. Lost, .. withoutRows, .. fill.Unrestored];
    }

    private static UnrestoredObject WithoutRows((TableCount Table, long Arrived, string Words) missing) => new(
        $"ROWS OF TABLE {missing.Table.Name}",
        $"{Math.Max(0, missing.Arrived)} of {missing.Table.Rows} arrived.{(missing.Words.Length > 0 ? $" The server says: {missing.Words}." : "")}{(SearchPath.IsToBlame(missing.Words) ? $" {SearchPath.Cure}" : "")} Mend that in the restored database, and load them from the dump, which can be had with -Destination and without -ConnectionString (pg_restore --data-only --table).",
        "");

    private void RequireAll(List<UnrestoredObject> unrestored)
    {
        if (options.Strict && unrestored.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.RestoreIncomplete,
                $"{unrestored.Count} objects of '{facts.Name}' could not be restored, and -Strict asks for all or nothing, so nothing was changed: {string.Join("; ", unrestored.Take(5))}.",
                unrestored[0].Name);
        }
    }

    private void Install(StagedDatabase staged, string target)
    {
        // Somebody may have made it meanwhile; without its consent nothing is moved away.
        if (Exists(target))
        {
            if (!options.InPlace && !options.Force)
            {
                throw new MaintenanceException(ErrorCode.DestinationInUse, $"{server.Place} has a database '{target}' now, which was made during the restore. Give -As another name.", target);
            }

            var kept = new DatabaseSwap(server, target, options.Force).Run(staged.Name);
            staged.Keep();
            warnings.Add($"The database that was there before is kept as '{kept}'. Drop it when the new one is known to be right.");
            NoteSubscriptions(kept);
            return;
        }

        server.Execute($"ALTER DATABASE {PostgresServer.Quote(staged.Name)} RENAME TO {PostgresServer.Quote(target)}");
        staged.Keep();
    }

    private void NoteSubscriptions(string kept)
    {
        const string Enabled = "SELECT s.subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid WHERE d.datname = $1 AND s.subenabled";
        foreach (var subscription in server.Rows(Enabled, r => r.GetString(0), kept))
        {
            warnings.Add($"Subscription '{subscription}' of '{kept}' still receives changes there.");
        }
    }

    /// <summary>
    /// Subscriptions come last and into the finished database: one that has a slot could not be dropped with a staging database.
    /// </summary>
    private List<UnrestoredObject> Subscribe(string target, IDumpSource dump, CancellationToken cancellation)
    {
        using var database = server.ConnectTo(target);
        var player = new DumpPlayer(dump, database, options.Tools, cancellation);
        var names = player.Entries.Where(e => e.IsSubscription && e.Text.StartsWith("SUBSCRIPTION", StringComparison.Ordinal)).Select(e => DumpEntry.Describe(e.Text)["SUBSCRIPTION ".Length..]).ToList();
        if (names.Count == 0)
        {
            return [];
        }

        var unrestored = DatabaseFill.PlaySubscriptions(player, database);
        warnings.Add($"Subscriptions came back disabled: {string.Join(", ", names)}. Enable each with ALTER SUBSCRIPTION … ENABLE and REFRESH PUBLICATION once its publisher and slot are known to be right.");
        return unrestored;
    }

    /// <summary>What belongs to the database itself and not to anything in it: its owner, its rights, and the settings that its sessions begin with.</summary>
    private IEnumerable<UnrestoredObject> ApplySettings(string target)
    {
        var name = PostgresServer.Quote(target);
        foreach (var statement in facts.Settings.Select(s => s.Replace(PostgresDatabase.NameMark, name, StringComparison.Ordinal)))
        {
            if (Try(statement) is { } words)
            {
                yield return new UnrestoredObject($"SETTING OF DATABASE {target}", words, statement + ";");
            }
        }

        // The staging database has got its owner where that is possible.
        if (facts.Owner.Length > 0 && server.Scalar<string>("SELECT pg_catalog.pg_get_userbyid(datdba) FROM pg_catalog.pg_database WHERE datname = $1", target) != facts.Owner)
        {
            var statement = $"ALTER DATABASE {name} OWNER TO {PostgresServer.Quote(facts.Owner)}";
            if (Try(statement) is { } words)
            {
                yield return new UnrestoredObject($"OWNER OF DATABASE {target}", words, statement + ";");
            }
        }
    }

    private string? Try(string statement)
    {
        try
        {
            server.Execute(statement);
            return null;
        }
        catch (Npgsql.PostgresException e)
        {
            return e.MessageText;
        }
    }
}
