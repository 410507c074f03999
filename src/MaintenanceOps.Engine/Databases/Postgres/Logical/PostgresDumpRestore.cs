using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Brings a dumped database back into a server: into a new database under a name of its own, checked there row by row, and
/// swapped with the old one by two renames in one transaction. Whatever fails, the old database was never touched.
/// </summary>
internal sealed class PostgresDumpRestore(Repository repository, IOperationSink sink)
{
    private const string Maintenance = "postgres";

    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        var manifest = repository.ReadManifest(snapshot.Id);
        var database = Choose(snapshot, manifest.Postgres!, options);

        // Not through the database that is to be replaced: this very session would be in the way.
        var target = options.As ?? database.Name;
        using var server = PostgresServer.Connect(options.ConnectionString!, target == Maintenance ? "template1" : Maintenance);
        try
        {
            return options.Table is null
                ? RestoreDatabase(server, snapshot, manifest, database, options, cancellation)
                : RestoreTable(server, snapshot, manifest, database, options, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    /// <summary>Fills a database from a dump and compares its rows with the recorded ones.</summary>
    internal void Fill(PostgresServer database, Snapshot snapshot, Manifest manifest, PostgresDatabase facts, ClientToolOptions tools, CancellationToken cancellation, params string[] arguments)
    {
        var path = PostgresDump.PathOf(facts.Name);
        var entry = Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, cancellation)).FirstOrDefault(e => e.Path == path)
            ?? throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"Snapshot {snapshot.ShortId} has no '{path}'.", snapshot.Id);
        using var process = new ClientTools(tools, database).Start("pg_restore", [$"--dbname={ConnectionOf(database.Database)}", "--exit-on-error", "--no-password", .. arguments], cancellation);
        try
        {
            EntryContent.CopyTo(repository, snapshot.Id, entry, process.Input, cancellation);
            process.Input.Close();
        }
        catch (IOException)
        {
            // It has ended early; its exit code and its words tell why.
        }

        process.Finish(cancellation);
        sink.Progress($"Restoring {snapshot.Source}", entry.Size, snapshot.Size);
    }

    private static PostgresDatabase Choose(Snapshot snapshot, PostgresFacts facts, RestoreOptions options)
    {
        var chosen = options.Include.Count == 0
            ? facts.Databases
            : [.. facts.Databases.Where(d => options.Include.Any(p => Wildcard.Matches(d.Name, p)))];
        return chosen switch
        {
            [var only] => only,
            [] => throw new MaintenanceException(ErrorCode.ItemNotFound, $"Snapshot {snapshot.ShortId} has no such database. It has {string.Join(", ", facts.Databases.Select(d => d.Name))}.", snapshot.Id),
            _ => throw new MaintenanceException(ErrorCode.InvalidArgument, $"Snapshot {snapshot.ShortId} holds several databases ({string.Join(", ", chosen.Select(d => d.Name))}); say which with -Include.", snapshot.Id),
        };
    }

    private RestoreResult RestoreDatabase(PostgresServer server, Snapshot snapshot, Manifest manifest, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        var target = options.As ?? facts.Name;
        var watch = Stopwatch.StartNew();
        RequireExtensions(server, facts);
        var exists = server.Scalar<long>("SELECT count(*) FROM pg_database WHERE datname = $1", target) > 0;
        if (exists && !options.InPlace && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"{server.Place} has a database '{target}'. Give -As another name, or -InPlace to put this one in its place; the old one is kept beside it.", target);
        }

        RequireNoSessions(server, target, options);
        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = $"{server.Place}/{target}",
            RestoredBytes = facts.Size,
            RestoredItems = facts.Tables.Length,
            RestoredRows = facts.Tables.Sum(t => t.Rows),
        };
        if (options.DryRun)
        {
            return result;
        }

        var staged = $"mops_restore_{Guid.NewGuid():N}"[..40];
        CreateLike(server, staged, facts);
        try
        {
            using (var database = server.ConnectTo(staged))
            {
                Fill(database, snapshot, manifest, facts, options.Tools, cancellation);
                RequireRows(database, facts, cancellation);
            }

            var warnings = new List<string>();
            Swap(server, staged, target, exists, options, warnings);
            return result with { Warnings = warnings, Elapsed = watch.Elapsed };
        }
        catch
        {
            server.Execute($"DROP DATABASE IF EXISTS {PostgresServer.Quote(staged)} WITH (FORCE)");
            throw;
        }
    }

    /// <summary>One table, under another name where that is wanted, through a database that exists only for it.</summary>
    private RestoreResult RestoreTable(PostgresServer server, Snapshot snapshot, Manifest manifest, PostgresDatabase facts, RestoreOptions options, CancellationToken cancellation)
    {
        var (schema, table) = Split(options.Table!);
        var known = facts.Tables.FirstOrDefault(t => t.Name == DumpRows.Key(schema, table)) ?? throw new MaintenanceException(
            ErrorCode.ItemNotFound,
            $"Database '{facts.Name}' in snapshot {snapshot.ShortId} has no table '{options.Table}'. It has: {string.Join(", ", facts.Tables.Take(20).Select(t => t.Name))}.",
            options.Table);
        var watch = Stopwatch.StartNew();
        var name = options.As ?? table;
        using var live = server.ConnectTo(options.Destination ?? facts.Name);
        var exists = live.Scalar<long>("SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2", schema, name) > 0;
        if (exists)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{live.Database}' has a table '{schema}.{name}'. Give -As another name.", name);
        }

        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = $"{live.Describe()}:{schema}.{name}",
            RestoredItems = 1,
            RestoredRows = known.Rows,
        };
        if (options.DryRun)
        {
            return result;
        }

        var staged = $"mops_table_{Guid.NewGuid():N}"[..40];
        CreateLike(live, staged, facts);
        try
        {
            using (var database = server.ConnectTo(staged))
            {
                database.Execute($"CREATE SCHEMA IF NOT EXISTS {PostgresServer.Quote(schema)}");
                Fill(database, snapshot, manifest, facts, options.Tools, cancellation, $"--schema={schema}", $"--table={table}", "--no-owner", "--no-privileges");
                if (name != table)
                {
                    database.Execute($"ALTER TABLE {PostgresServer.Quote(schema)}.{PostgresServer.Quote(table)} RENAME TO {PostgresServer.Quote(name)}");
                }

                Carry(database, live, schema, name, options.Tools, cancellation);
            }

            var rows = live.Scalar<long>($"SELECT count(*) FROM ONLY {PostgresServer.Quote(schema)}.{PostgresServer.Quote(name)}");
            return rows == known.Rows
                ? result with { Elapsed = watch.Elapsed }
                : throw new MaintenanceException(ErrorCode.VerificationFailed, $"{rows} rows of {known.Rows} arrived in '{schema}.{name}'.", name);
        }
        finally
        {
            live.Execute($"DROP DATABASE IF EXISTS {PostgresServer.Quote(staged)} WITH (FORCE)");
        }
    }

    /// <summary>From the database that was made for the table into the live one, in one transaction.</summary>
    private static void Carry(PostgresServer from, PostgresServer to, string schema, string name, ClientToolOptions tools, CancellationToken cancellation)
    {
        // Quoted, a name is not a pattern.
        var pattern = $"{PostgresServer.Quote(schema)}.{PostgresServer.Quote(name)}";
        using var dump = new ClientTools(tools, from).Start("pg_dump", ["--format=custom", "--compress=0", "--no-password", "--no-owner", "--no-privileges", $"--table={pattern}"], cancellation);
        using var restore = new ClientTools(tools, to).Start("pg_restore", [$"--dbname={ConnectionOf(to.Database)}", "--single-transaction", "--exit-on-error", "--no-password"], cancellation);
        try
        {
            dump.Output.CopyTo(restore.Input);
            restore.Input.Close();
        }
        catch (IOException)
        {
            // One of the two has ended early and says why.
        }

        dump.Finish(cancellation);
        restore.Finish(cancellation);
    }

    private static void RequireExtensions(PostgresServer server, PostgresDatabase facts)
    {
        var available = server.Rows("SELECT name FROM pg_available_extensions", r => r.GetString(0)).ToHashSet(StringComparer.Ordinal);
        if (facts.Extensions.Where(e => !available.Contains(e)).ToList() is { Count: > 0 } missing)
        {
            throw new MaintenanceException(ErrorCode.DatabaseError, $"'{facts.Name}' needs extensions that {server.Place} does not offer: {string.Join(", ", missing)}. Install them first; nothing was written.", missing[0]);
        }
    }

    private static void RequireNoSessions(PostgresServer server, string database, RestoreOptions options)
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

    private static void RequireRows(PostgresServer database, PostgresDatabase facts, CancellationToken cancellation)
    {
        var counted = PostgresTables.Count(database, cancellation).ToDictionary(t => DumpRows.Key(t.Schema, t.Table), t => t.Rows);
        foreach (var table in facts.Tables)
        {
            if (!counted.TryGetValue(table.Name, out var rows) || rows != table.Rows)
            {
                throw new MaintenanceException(ErrorCode.VerificationFailed, $"'{table.Name}' has {rows} rows after the restore and had {table.Rows}. The old database was left as it was.", table.Name);
            }
        }
    }

    /// <summary>Both renames in one transaction; sessions are kept out from just before it until just after it.</summary>
    private static void Swap(PostgresServer server, string staged, string target, bool exists, RestoreOptions options, List<string> warnings)
    {
        var (from, to) = (PostgresServer.Quote(staged), PostgresServer.Quote(target));
        if (!exists)
        {
            server.Execute($"ALTER DATABASE {from} RENAME TO {to}");
            return;
        }

        var kept = $"{target[..Math.Min(target.Length, 32)]}_before_{DateTime.UtcNow.ToString("yyyyMMdd_HHmmss", CultureInfo.InvariantCulture)}";
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

        server.Execute($"ALTER DATABASE {PostgresServer.Quote(kept)} WITH ALLOW_CONNECTIONS true");
        warnings.Add($"The database that was there before is kept as '{kept}'. Drop it when the new one is known to be right.");
    }

    /// <summary>An empty database with the encoding, the collation and the owner of the one that was dumped.</summary>
    private static void CreateLike(PostgresServer server, string name, PostgresDatabase facts)
    {
        var sql = $"CREATE DATABASE {PostgresServer.Quote(name)} TEMPLATE template0 ENCODING {Literal(facts.Encoding)} LC_COLLATE {Literal(facts.Collate)} LC_CTYPE {Literal(facts.Ctype)}";
        server.Execute(sql);
        if (server.Scalar<long>("SELECT count(*) FROM pg_roles WHERE rolname = $1 AND pg_has_role(oid, 'MEMBER')", facts.Owner) > 0)
        {
            server.Execute($"ALTER DATABASE {PostgresServer.Quote(name)} OWNER TO {PostgresServer.Quote(facts.Owner)}");
        }
    }

    private static (string Schema, string Table) Split(string table) =>
        table.Split('.', 2) is [var schema, var name] ? (schema, name) : ("public", table);

    /// <summary>A database as a connection string: a name alone could be taken for one.</summary>
    private static string ConnectionOf(string database) => $"dbname='{database.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";
}
