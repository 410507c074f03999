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

    private const int PrivateFile = 0x180;
    private const int PrivateFolder = 0x1c0;

    /// <summary>Of a table with less rows nobody minds if half of them go.</summary>
    private const int FewRows = 1000;

    /// <summary>How long a table that somebody else has locked is waited for.</summary>
    private static readonly TimeSpan DefaultLockTimeout = TimeSpan.FromMinutes(1);

    private long taken;

    /// <summary>Dumps databases of one server.</summary>
    /// <param name="connectionString">A user that may read everything in them.</param>
    /// <param name="what">Which of them, and how.</param>
    /// <param name="options">Name and tags.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot.</returns>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.ServerUnavailable"/>, <see cref="ErrorCode.ClientToolUnfit"/>,
    /// <see cref="ErrorCode.ClientToolFailed"/>: a dump is not whole; <see cref="ErrorCode.ItemNotFound"/>: no database
    /// fits; or the repository fails.
    /// </exception>
    public Snapshot Run(string connectionString, PostgresDumpOptions what, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(what);
        ArgumentNullException.ThrowIfNull(options);
        what.Check();
        options.Check();
        using var server = PostgresServer.Connect(connectionString, null, cancellation);
        server.Tell(sink);
        try
        {
            return Run(server, what, options, PostgresConnectionString.Parse(connectionString).NamesDatabase, cancellation);
        }
        catch (NpgsqlException e)
        {
            throw server.Wrap(e);
        }
    }

    private Snapshot Run(PostgresServer server, PostgresDumpOptions what, BackupOptions options, bool namesDatabase, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        var parent = catalog.Parent(options.Source, SnapshotKind.PostgresLogical);
        var moment = repository.Time.GetUtcNow();
        var warnings = new List<string>();
        var missing = new List<string>();
        var names = DatabaseChoice.Of(server, what, namesDatabase, warnings, missing);
        using var tree = new StreamedTree(repository, cancellation);
        AddFolder(tree, "");
        AddFolder(tree, DumpPlan.Folder);
        using var globals = StartGlobals(server, what.Tools, warnings, cancellation);
        var databases = new List<PostgresDatabase>();
        foreach (var name in names)
        {
            using var database = server.ConnectTo(name);
            databases.Add(Take(database, tree, what, options, warnings, cancellation));
        }

        tree.AddFile(Describe(Globals, EntryKind.File), globals.Output);
        globals.Finish(cancellation);
        CompareWithParent(parent?.Manifest.Postgres, databases, warnings);
        warnings.ForEach(sink.Warn);
        var result = tree.Finish();
        lease.Assert();
        var manifest = Manifest.Of(SnapshotKind.PostgresLogical, options, moment, parent?.Id, catalog.NextNumber(options.Source)) with
        {
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            Origin = server.Describe(),
            Size = result.Size,
            StoredSize = result.StoredSize,
            ContentHash = result.ContentHash,
            Map = result.Map,
            Verified = options.SkipVerify ? VerificationLevel.None : VerificationLevel.Full,
            Warnings = [.. warnings],
            MissingCount = missing.Count,
            Missing = [.. missing.Take(Manifest.MaxMissing)],
            FileCount = result.Count,
            Postgres = new PostgresFacts { System = server.System, Version = server.Version, Address = AddressOf(server), Databases = [.. databases] },
        };
        return catalog.Describe(repository.Commit(manifest, cancellation), manifest);
    }

    private static ServerAddress? AddressOf(PostgresServer server) =>
        server.ClientParameters() is var known && known.TryGetValue("host", out var host) && int.TryParse(known.GetValueOrDefault("port", "5432"), out var port)
            ? new ServerAddress(host, port, server.Scalar<string>("SELECT session_user"))
            : null;

    /// <summary>
    /// One transaction lends its view to all programs and to the one that counts: all see the same moment. Sequences belong to
    /// no transaction, so they are read before and after it.
    /// </summary>
    private PostgresDatabase Take(PostgresServer database, StreamedTree tree, PostgresDumpOptions what, BackupOptions options, List<string> warnings, CancellationToken cancellation)
    {
        var sequences = SequenceValues.Read(database);
        var facts = TakeInOneView(database, tree, what, options, warnings, cancellation);
        return facts with { Sequences = SequenceValues.Certain(sequences, SequenceValues.Read(database)) };
    }

    private PostgresDatabase TakeInOneView(PostgresServer database, StreamedTree tree, PostgresDumpOptions what, BackupOptions options, List<string> warnings, CancellationToken cancellation)
    {
        var isReplica = NoteUnlogged(database, warnings);
        database.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        var view = database.Scalar<string>("SELECT pg_export_snapshot()");
        var parts = DumpPlan.Of(database.Database, PostgresTables.List(database).Where(t => ServerEncoding.CanBeArgument(t.Quoted, database.EncodingName)).Select(t => (t.Quoted, t.Table.Size ?? 0)), what.Parallel);
        if (parts.Count > 1)
        {
            AddFolder(tree, DumpPlan.FolderOf(database.Database));
        }

        var clients = new ClientTools(what.Tools, database);
        var common = new[] { $"--snapshot={view}", $"--lock-wait-timeout={(long)(options.LockTimeout ?? DefaultLockTimeout).TotalMilliseconds}" }.Concat(isReplica ? ["--no-unlogged-table-data"] : []).ToArray();
        var dumps = new List<VerifiedDump>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        try
        {
            dumps.AddRange(parts.Select(p => new VerifiedDump(clients, database.Database, [.. common, .. p.Arguments], !options.SkipVerify, n => Report(options, n), cancellation)));
            var counting = Task.Run(() => Count(database, view, stop.Token), cancellation);
            var lengths = tree.AddFiles([.. parts.Zip(dumps, (part, dump) => (Describe(part.Path, EntryKind.File), dump.Content))]);
            dumps.ForEach(d => d.Finish());
            foreach (var complaint in dumps.Select(d => d.Complaints).Where(c => c.Length > 0).Distinct())
            {
                warnings.Add($"pg_dump says of '{database.Database}': {complaint}");
            }

            if (lengths.Any(l => l == 0))
            {
                throw new MaintenanceException(ErrorCode.ClientToolFailed, $"pg_dump wrote nothing of '{database.Database}'. No snapshot was taken.", database.Database);
            }

            var tables = counting.GetAwaiter().GetResult();
            if (!options.SkipVerify)
            {
                Compare(database.Database, tables, dumps);
            }

            var facts = DatabaseFacts.Read(database) with { Tables = [.. tables.Select(t => t.Table)] };
            database.Execute("COMMIT");
            return facts;
        }
        finally
        {
            stop.Cancel();
            dumps.ForEach(d => d.Dispose());
        }
    }

    /// <summary>A replica has no rows of unlogged tables, and cannot even be asked for them.</summary>
    /// <returns>Whether the server is a replica.</returns>
    private static bool NoteUnlogged(PostgresServer database, List<string> warnings)
    {
        if (!database.Scalar<bool>("SELECT pg_catalog.pg_is_in_recovery()"))
        {
            return false;
        }

        const string Unlogged = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1";
        if (database.Rows(Unlogged, r => r.GetString(0)) is { Count: > 0 } tables)
        {
            warnings.Add($"'{database.Database}' was dumped from a replica, which has no rows of unlogged tables; they are in the snapshot without rows: {string.Join(", ", tables.Take(20))}{(tables.Count > 20 ? $" and {tables.Count - 20} more" : "")}. Dump the primary to have them.");
        }

        return true;
    }

    /// <summary>Counts beside the dump, on a connection of its own with the same view.</summary>
    private static List<(uint Oid, TableCount Table)> Count(PostgresServer database, string view, CancellationToken cancellation)
    {
        using var second = database.ConnectTo(database.Database);
        second.Execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
        second.Execute($"SET TRANSACTION SNAPSHOT {PostgresServer.Literal(view)}");
        return PostgresTables.Count(second, cancellation);
    }

    private static void Compare(string database, List<(uint Oid, TableCount Table)> tables, List<VerifiedDump> dumps)
    {
        foreach (var (oid, table) in tables)
        {
            if (dumps.Sum(d => d.Rows!.GetValueOrDefault(oid)) is var found && found != table.Rows)
            {
                throw new MaintenanceException(
                    ErrorCode.ClientToolFailed,
                    $"The dump of '{database}' holds {found} rows of '{table.Name}', which had {table.Rows} in the same transaction. No snapshot was taken.",
                    table.Name);
            }
        }
    }

    /// <summary>What a whole dump of the wrong thing looks like: tables that were there before are gone, or most of the rows.</summary>
    private static void CompareWithParent(PostgresFacts? before, List<PostgresDatabase> databases, List<string> warnings)
    {
        foreach (var database in databases)
        {
            if (before?.Databases.FirstOrDefault(d => d.Name == database.Name) is not { } old)
            {
                continue;
            }

            var tables = database.Tables.ToDictionary(t => t.Name);
            var gone = old.Tables.Where(t => !tables.ContainsKey(t.Name)).Select(t => t.Name).ToList();
            if (gone.Count > 0)
            {
                warnings.Add($"'{database.Name}' had {gone.Count} tables at the snapshot before that are gone now, such as '{gone[0]}'.");
            }

            foreach (var table in old.Tables.Where(t => t.Rows >= FewRows && tables.TryGetValue(t.Name, out var now) && now.Rows < t.Rows / 2))
            {
                warnings.Add($"'{table.Name}' of '{database.Name}' had {table.Rows} rows at the snapshot before and has {tables[table.Name].Rows} now.");
            }
        }
    }

    /// <summary>Roles with their passwords need a superuser; without one they come without.</summary>
    private static ClientProcess StartGlobals(PostgresServer server, ClientToolOptions tools, List<string> warnings, CancellationToken cancellation)
    {
        var super = server.Scalar<bool>("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
        if (!super)
        {
            warnings.Add("The user is no superuser, so the roles were taken without their passwords.");
        }

        return new ClientTools(tools, server).Start("pg_dumpall", ["--globals-only", "--no-password", .. super ? Array.Empty<string>() : ["--no-role-passwords"]], cancellation);
    }

    private void AddFolder(StreamedTree tree, string path) => tree.Add(Describe(path, EntryKind.Folder));

    private FileEntry Describe(string path, EntryKind kind) => new()
    {
        Path = path,
        Kind = kind,
        Mode = kind == EntryKind.Folder ? PrivateFolder : PrivateFile,
        Modified = FileTime.Of(repository.Time.GetUtcNow()),
    };

    private void Report(BackupOptions options, int bytes) => sink.Progress($"Backing up {options.Source}", Interlocked.Add(ref taken, bytes), -1);
}
