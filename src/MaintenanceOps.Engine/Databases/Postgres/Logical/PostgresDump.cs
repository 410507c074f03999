using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>
/// Takes the content of databases with <c>pg_dump</c>, streamed into the repository uncompressed so that equal parts are
/// stored once, with the roles and tablespaces of the server beside them. While a dump is written, <c>pg_restore</c> reads
/// it to its end, and its rows are compared with those that the same transaction counts.
/// </summary>
public sealed class PostgresDump(Repository repository, IOperationSink sink)
{
    /// <summary>The roles and tablespaces.</summary>
    internal const string Globals = "globals.sql";

    private const string Folder = "databases";

    /// <summary>How long a table that somebody else has locked is waited for.</summary>
    private static readonly TimeSpan DefaultLockTimeout = TimeSpan.FromMinutes(1);

    /// <summary>Dumps databases of one server.</summary>
    /// <param name="connectionString">A user that may read everything in them.</param>
    /// <param name="databases">Their names; <c>*</c> and <c>?</c> stand for any characters. None takes the string's own.</param>
    /// <param name="tools">Where the client programs are.</param>
    /// <param name="options">Name and tags.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ServerUnavailable"/>, <see cref="ErrorCode.ClientToolUnfit"/>,
    /// <see cref="ErrorCode.ClientToolFailed"/>: a dump is not whole; <see cref="ErrorCode.ItemNotFound"/>: no database
    /// fits; or the repository fails.
    /// </exception>
    public Snapshot Run(string connectionString, IReadOnlyList<string> databases, ClientToolOptions tools, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(databases);
        ArgumentNullException.ThrowIfNull(tools);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        using var server = PostgresServer.Connect(connectionString);
        try
        {
            return Run(server, databases, tools, options, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    internal static string PathOf(string database) => $"{Folder}/{Uri.EscapeDataString(database)}.dump";

    private Snapshot Run(PostgresServer server, IReadOnlyList<string> patterns, ClientToolOptions tools, BackupOptions options, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        var parent = catalog.Parent(options.Source, SnapshotKind.PostgresLogical);
        var names = Choose(server, patterns);
        var taken = repository.Time.GetUtcNow();
        var warnings = new List<string>();
        using var tree = new StreamedTree(repository, cancellation);
        tree.Add(new FileEntry { Path = "", Kind = EntryKind.Folder, Mode = 0x1c0 });
        tree.Add(new FileEntry { Path = Folder, Kind = EntryKind.Folder, Mode = 0x1c0 });
        var facts = new List<PostgresDatabase>();
        foreach (var name in names)
        {
            using var database = server.ConnectTo(name);
            facts.Add(Take(database, tree, tools, options, warnings, cancellation));
        }

        TakeGlobals(server, tree, tools, warnings, cancellation);
        var result = tree.Finish();
        lease.Assert();
        var manifest = Manifest.Of(SnapshotKind.PostgresLogical, options, taken, parent?.Id) with
        {
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            Origin = server.Describe(),
            Size = result.Size,
            StoredSize = result.StoredSize,
            ContentHash = result.ContentHash,
            Map = result.Map,
            Verified = options.SkipVerify ? VerificationLevel.None : VerificationLevel.Quick,
            Warnings = [.. warnings],
            FileCount = result.Count,
            Postgres = new PostgresFacts { System = server.System, Version = server.Version, Databases = [.. facts] },
        };
        return catalog.Describe(repository.Commit(manifest), manifest);
    }

    private static List<string> Choose(PostgresServer server, IReadOnlyList<string> patterns)
    {
        if (patterns.Count == 0)
        {
            return [server.Database];
        }

        var all = server.Rows("SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate ORDER BY datname", r => r.GetString(0));
        var chosen = all.Where(d => patterns.Any(p => Wildcard.Matches(d, p))).ToList();
        return chosen.Count > 0
            ? chosen
            : throw new MaintenanceException(ErrorCode.ItemNotFound, $"No database of {server.Describe()} fits {string.Join(", ", patterns)}. It has {string.Join(", ", all)}.", patterns[0]);
    }

    /// <summary>One transaction counts, and lends its view to <c>pg_dump</c>: both see the same moment.</summary>
    private PostgresDatabase Take(PostgresServer database, StreamedTree tree, ClientToolOptions tools, BackupOptions options, List<string> warnings, CancellationToken cancellation)
    {
        database.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        var view = database.Scalar<string>("SELECT pg_export_snapshot()");
        var size = database.Scalar<long>("SELECT pg_database_size(current_database())");
        var extensions = database.Rows("SELECT extname FROM pg_extension ORDER BY 1", r => r.GetString(0));
        var clients = new ClientTools(tools, database);
        using var dump = clients.Start("pg_dump", ["--format=custom", "--compress=0", "--no-password", $"--snapshot={view}", $"--lock-wait-timeout={(long)(options.LockTimeout ?? DefaultLockTimeout).TotalMilliseconds}"], cancellation);
        using var reading = options.SkipVerify ? null : clients.Start("pg_restore", ["--file=-"], cancellation);
        var counted = new DumpRows();
        var counting = reading is null ? Task.CompletedTask : Task.Run(() => counted.Read(reading.Output), cancellation);
        long last = 0;
        var content = new TeeStream(dump.Output, reading?.Input, n => sink.Progress($"Backing up {options.Source}", last += n, -1));
        var length = tree.AddFile(new FileEntry { Path = PathOf(database.Database), Kind = EntryKind.File, Mode = 0x180 }, content);
        reading?.Input.Close();
        dump.Finish(cancellation);
        if (dump.Complaints.Length > 0)
        {
            warnings.Add($"pg_dump says of '{database.Database}': {dump.Complaints}");
        }

        counting.GetAwaiter().GetResult();
        reading?.Finish(cancellation);
        if (length == 0)
        {
            throw new MaintenanceException(ErrorCode.ClientToolFailed, $"pg_dump wrote nothing of '{database.Database}'. No snapshot was taken.", database.Database);
        }

        var tables = PostgresTables.Count(database, cancellation);
        if (reading is not null)
        {
            Compare(database.Database, tables, counted.Rows);
        }

        var facts = database.Rows(
            "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database WHERE datname = current_database()",
            r => new PostgresDatabase { Owner = r.GetString(0), Encoding = r.GetString(1), Collate = r.GetString(2), Ctype = r.GetString(3) })[0];
        database.Execute("ROLLBACK");
        return facts with
        {
            Name = database.Database,
            Size = size,
            Tables = [.. tables.Select(t => new TableCount(DumpRows.Key(t.Schema, t.Table), t.Rows))],
            Extensions = [.. extensions],
        };
    }

    private static void Compare(string database, IEnumerable<(string Schema, string Table, long Rows)> tables, IReadOnlyDictionary<string, long> dumped)
    {
        foreach (var (schema, table, rows) in tables)
        {
            if (dumped.GetValueOrDefault(DumpRows.Key(schema, table)) is var found && found != rows)
            {
                throw new MaintenanceException(
                    ErrorCode.ClientToolFailed,
                    $"The dump of '{database}' holds {found} rows of '{schema}.{table}', which had {rows} in the same transaction. No snapshot was taken.",
                    $"{schema}.{table}");
            }
        }
    }

    /// <summary>Roles with their passwords need a superuser; without one they come without.</summary>
    private static void TakeGlobals(PostgresServer server, StreamedTree tree, ClientToolOptions tools, List<string> warnings, CancellationToken cancellation)
    {
        var super = server.Scalar<bool>("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
        if (!super)
        {
            warnings.Add("The user is no superuser, so the roles were taken without their passwords.");
        }

        using var process = new ClientTools(tools, server).Start("pg_dumpall", ["--globals-only", "--no-password", .. super ? Array.Empty<string>() : ["--no-role-passwords"]], cancellation);
        tree.AddFile(new FileEntry { Path = Globals, Kind = EntryKind.File, Mode = 0x180 }, process.Output);
        process.Finish(cancellation);
    }

    /// <summary>Reads from one stream and gives what it read to another one too.</summary>
    private sealed class TeeStream(Stream from, Stream? to, Action<int> report) : ReadOnlyStream
    {
        public override int Read(byte[] buffer, int offset, int count)
        {
            var read = from.Read(buffer, offset, count);
            try
            {
                to?.Write(buffer, offset, read);
            }
            catch (IOException)
            {
                // The reader has ended early; its exit code and its words tell why.
                to = null;
            }

            report(read);
            return read;
        }
    }
}
