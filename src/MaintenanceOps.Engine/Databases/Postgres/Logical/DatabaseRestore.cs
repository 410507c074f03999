using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Puts a database on a live server: filled under a name of its own, checked there row by row, and swapped with the old one
/// by two renames in one transaction. Whatever fails, the old database was never touched.
/// </summary>
internal sealed class DatabaseRestore(PostgresServer server, Snapshot snapshot, PostgresDatabase facts, RestoreOptions options)
{
    private const int LongestName = 63;

    /// <param name="fill">Fills an empty database.</param>
    /// <param name="cancellation">Ends the restore.</param>
    public RestoreResult Run(Action<PostgresServer> fill, CancellationToken cancellation)
    {
        var target = options.As ?? facts.Name;
        var watch = Stopwatch.StartNew();
        RequireExtensions();
        RequireRoles();
        var exists = server.Scalar<long>("SELECT count(*) FROM pg_database WHERE datname = $1", target) > 0;
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
        if (options.DryRun)
        {
            return result;
        }

        using var staged = StagedDatabase.Create(server, facts);
        using (var database = staged.Connect())
        {
            fill(database);
            RequireRows(database, cancellation);
        }

        var warnings = new List<string>();
        Swap(staged, target, exists, warnings);
        ApplySettings(target, warnings);
        return result with { Warnings = warnings, Elapsed = watch.Elapsed };
    }

    private void RequireExtensions()
    {
        var available = server.Rows("SELECT name FROM pg_available_extensions", r => r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        if (facts.Extensions.Where(e => !available.Contains(e)).ToList() is { Count: > 0 } missing)
        {
            throw new MaintenanceException(ErrorCode.DatabaseError, $"'{facts.Name}' needs extensions that {server.Place} does not offer: {string.Join(", ", missing)}. Install them first; nothing was written.", missing[0]);
        }
    }

    /// <summary>Owners and grants come along, so their roles must be there before the first byte.</summary>
    private void RequireRoles()
    {
        var known = server.Rows("SELECT rolname FROM pg_roles", r => r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        if (facts.Roles.Where(r => !known.Contains(r)).ToList() is { Count: > 0 } missing)
        {
            throw new MaintenanceException(
                ErrorCode.DatabaseError,
                $"Roles that own something in '{facts.Name}', or have rights on it, are missing on {server.Place}: {string.Join(", ", missing)}. Create them first: the snapshot's {PostgresDump.Globals} has the statements (Restore-Snapshot -Include {PostgresDump.Globals} -Destination folder). Nothing was written.",
                missing[0]);
        }
    }

    private void RequireNoSessions(string database)
    {
        var sessions = server.Rows(
            "SELECT coalesce(nullif(application_name, ''), 'a program') || ' (' || usename || ', ' || pid || ')' FROM pg_stat_activity WHERE datname = $1",
            r => r.GetString(0),
            database);
        if (sessions.Count > 0 && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{database}' is in use by {string.Join(", ", sessions.Take(5))}. Stop them first, or -Force to end their sessions.", database);
        }
    }

    private void RequireRows(PostgresServer database, CancellationToken cancellation)
    {
        var counted = PostgresTables.Count(database, cancellation).ToDictionary(t => t.Name, t => t.Rows);
        foreach (var table in facts.Tables)
        {
            if (!counted.TryGetValue(table.Name, out var rows) || rows != table.Rows)
            {
                throw new MaintenanceException(ErrorCode.VerificationFailed, $"'{table.Name}' has {rows} rows after the restore and had {table.Rows}. The old database was left as it was.", table.Name);
            }
        }
    }

    /// <summary>Both renames in one transaction; sessions are kept out from just before it until just after it.</summary>
    private void Swap(StagedDatabase staged, string target, bool exists, List<string> warnings)
    {
        var (from, to) = (PostgresServer.Quote(staged.Name), PostgresServer.Quote(target));
        if (!exists)
        {
            server.Execute($"ALTER DATABASE {from} RENAME TO {to}");
            staged.Keep();
            return;
        }

        var suffix = $"_before_{DateTime.UtcNow.ToString("yyyyMMdd_HHmmss", CultureInfo.InvariantCulture)}";
        var kept = PostgresServer.Shorten(target, LongestName - suffix.Length) + suffix;
        server.Execute($"ALTER DATABASE {to} WITH ALLOW_CONNECTIONS false");
        try
        {
            if (options.Force)
            {
                server.Execute("SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = $1", target);
            }

            server.Execute($"BEGIN; ALTER DATABASE {to} RENAME TO {PostgresServer.Quote(kept)}; ALTER DATABASE {from} RENAME TO {to}; COMMIT");
        }
        catch
        {
            server.Execute("ROLLBACK");
            server.Execute($"ALTER DATABASE {to} WITH ALLOW_CONNECTIONS true");
            throw;
        }

        staged.Keep();
        server.Execute($"ALTER DATABASE {PostgresServer.Quote(kept)} WITH ALLOW_CONNECTIONS true");
        warnings.Add($"The database that was there before is kept as '{kept}'. Drop it when the new one is known to be right.");
    }

    /// <summary>What belongs to the database itself and not to anything in it: its rights, and the settings that its sessions begin with.</summary>
    private void ApplySettings(string target, List<string> warnings)
    {
        foreach (var statement in facts.Settings)
        {
            try
            {
                server.Execute(statement.Replace(PostgresDatabase.NameMark, PostgresServer.Quote(target), StringComparison.Ordinal));
            }
            catch (Npgsql.PostgresException e)
            {
                warnings.Add($"'{statement}' could not be applied to '{target}': {e.MessageText}");
            }
        }
    }
}
