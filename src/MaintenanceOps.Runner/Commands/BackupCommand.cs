using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class BackupCommand : RunnerCommand
{
    private static readonly Argument<string[]> Paths = new("path") { Description = "A SQLite database, or files and folders.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string> Source = new("--source", "-s") { Description = "The stable name of what is backed up, such as notes/main; else the file's or folder's name.", HelpName = "name" };
    private static readonly Option<string> Kind = new Option<string>("--kind") { Description = "Take the path as this, whatever it looks like.", HelpName = "sqlite|files" }.AcceptOnlyFromAmong("sqlite", "files");
    private static readonly Option<string[]> Tags = new("--tag") { Description = "A free word to find the snapshot by.", HelpName = "word", DefaultValueFactory = _ => [] };
    private static readonly Option<string[]> Exclude = new("--exclude") { Description = "Leave out files that fit, as in a .gitignore.", HelpName = "pattern", DefaultValueFactory = _ => [] };
    private static readonly Option<string[]> ExcludeFrom = new("--exclude-from") { Description = "A file with such patterns, one a line.", HelpName = "path", DefaultValueFactory = _ => [] };
    private static readonly Option<bool> AllowIncomplete = new("--allow-incomplete") { Description = "Exit with 0 also where something could not be read and is missing." };
    private static readonly Option<bool> SkipVerify = new("--skip-verify") { Description = "Leave out the database's own integrity check." };
    private static readonly Option<TimeSpan?> LockTimeout = new("--lock-timeout") { Description = "How long to wait for another process's lock. [default: 30s]", HelpName = "duration", CustomParser = Values.Duration };

    private static readonly Option<string> ConnectionString = new("--connection-string", "-c") { Description = "A PostgreSQL server instead of paths: postgresql://user@host/database, Host=…;Username=…, or env:NAME for a variable that holds it. Passwords belong into a .pgpass file.", HelpName = "server" };
    private static readonly Option<PostgresMethod> Method = new("--method", "-m") { Description = "Of a server: logical dumps databases, physical takes the whole cluster, page by page. [default: logical]", HelpName = "logical|physical" };
    private static readonly Option<string[]> Database = new("--database") { Description = "The databases to dump; * and ? stand for any characters. [default: the one of the connection string]", HelpName = "name", DefaultValueFactory = _ => [] };
    private static readonly Option<bool> AllDatabases = new("--all-databases") { Description = "Dump all databases of the server but templates." };
    private static readonly Option<int> Parallel = new("--parallel") { Description = "How many programs dump one database at once; its large tables are files of their own then.", HelpName = "count", DefaultValueFactory = _ => 1 };

    public BackupCommand()
        : base(
            "backup",
            "Take a snapshot of a live SQLite database, of files and folders, or of a PostgreSQL server.",
            "mops backup /srv/notes/notes.db --source notes/main",
            "mops backup /srv/notes/config /srv/notes/uploads --source notes/files --exclude '*.tmp'",
            "mops backup --connection-string postgresql://backup@db/app --source app/db",
            "mops backup --connection-string env:DATABASE_URL --method physical --source pg/main",
            "mops backup /srv/notes/notes.db --repository /mnt/backup/notes --initialize --tag before-upgrade") =>
        Use(Paths, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.Initialize, Source, Kind, Tags, Exclude, ExcludeFrom, AllowIncomplete, SkipVerify, LockTimeout, ConnectionString, Method, Database, AllDatabases, Parallel, SharedOptions.ClientPath, SharedOptions.ClientPrefix);

    protected override ExitCode Execute(RunnerContext context)
    {
        var given = context.Get(Paths)!;
        if (given.FirstOrDefault(p => p.StartsWith('-') && !Path.Exists(p)) is { } slip)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"There is no option '{slip}'. See 'mops backup --help'; a path that begins with a dash is written ./{slip}.", slip);
        }

        var server = ServerOf(context.Get(ConnectionString), given);
        var paths = given.Select(Path.GetFullPath).ToArray();
        var database = server is null && IsDatabase(paths, context.Get(Kind));
        var options = new BackupOptions
        {
            Source = context.Get(Source) ?? (server is null ? NameOf(paths) : PostgresPlace.Of(server, context.Get(Method)).Name),
            Tags = context.Get(Tags)!,
            AllowIncomplete = context.Get(AllowIncomplete),
            SkipVerify = context.Get(SkipVerify),
            LockTimeout = context.Get(LockTimeout),
        };
        using var repository = context.OpenRepository(context.Get(SharedOptions.Initialize));
        var snapshot = server is not null
            ? BackUp(server, repository, options, context)
            : database
            ? new SqliteBackup(repository, context.Sink).Run(paths[0], options, context.Cancellation)
            : new FileBackup(repository, context.Sink).Run(
                new FileBackupOptions { Paths = paths, Exclude = context.Get(Exclude)!, ExcludeFrom = context.Get(ExcludeFrom)! },
                options,
                context.Cancellation);
        context.Output.Outcome(
            snapshot,
            $"Snapshot {snapshot.ShortId} of {snapshot.Source}: {Content(snapshot)} in {Tables.Elapsed(snapshot.Elapsed)}.",
            $"Stored {ByteSize.Format(snapshot.StoredSize)} ({Tables.Share(snapshot.StoredSize, snapshot.Size)}){(snapshot.Parent.Length > 0 ? $" on top of {snapshot.Parent[..8]}" : "")}.");
        return snapshot.MissingCount == 0 || options.AllowIncomplete ? ExitCode.Done : Incomplete(snapshot, context);
    }

    private static ExitCode Incomplete(Snapshot snapshot, RunnerContext context)
    {
        context.Sink.Warn(snapshot.Kind == SnapshotKind.PostgresLogical
            ? $"Snapshot {snapshot.ShortId} is incomplete: {snapshot.MissingCount:N0} databases that were asked for could not be taken. Let connections in, or choose others with --database; --allow-incomplete accepts it."
            : $"Snapshot {snapshot.ShortId} is incomplete: {snapshot.MissingCount:N0} entries could not be read, or not whole; the warnings say why. Mend that, or exclude them; --allow-incomplete accepts it.");
        return ExitCode.Unhealthy;
    }

    private static Snapshot BackUp(string server, Repository repository, BackupOptions options, RunnerContext context)
    {
        var tools = SharedOptions.ClientTools(context);
        return context.Get(Method) == PostgresMethod.Physical
            ? new PostgresBaseBackup(repository, context.Sink).Run(server, tools, options, context.Cancellation)
            : new PostgresDump(repository, context.Sink).Run(server, new PostgresDumpOptions { Databases = context.Get(Database)!, AllDatabases = context.Get(AllDatabases), Parallel = context.Get(Parallel), Tools = tools }, options, context.Cancellation);
    }

    private static string? ServerOf(string? given, string[] paths)
    {
        return (given is null) != (paths.Length == 0)
            ? Values.FromEnvironment(given)
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "Give paths, or a server with --connection-string.");
    }

    private static string Content(Snapshot snapshot)
    {
        var what = snapshot.Kind is SnapshotKind.Files or SnapshotKind.PostgresPhysical
            ? $"{snapshot.FileCount:N0} entries"
            : $"{snapshot.Tables.Where(t => t.Rows > 0).Sum(t => t.Rows):N0} rows in {snapshot.Tables.Count:N0} tables";
        return $"{ByteSize.Format(snapshot.Size)}, {what}";
    }

    private static bool IsDatabase(string[] paths, string? kind)
    {
        if (kind is not null)
        {
            return kind == "sqlite" && paths.Length > 1
                ? throw new MaintenanceException(ErrorCode.InvalidArgument, "A snapshot holds one database. Back up several one after the other.")
                : kind == "sqlite";
        }

        // A single file that is no folder: a database, as its first bytes say. An empty or missing one is left to the
        // engine, which says what is wrong with it.
        return paths.Length == 1 && !Directory.Exists(paths[0]) && (!File.Exists(paths[0]) || SqliteBackup.LooksLikeDatabase(paths[0]));
    }

    private static string NameOf(string[] paths) => paths.Length == 1 && BackupOptions.SourceOf(paths[0]) is { Length: > 0 } name
        ? name
        : throw new MaintenanceException(ErrorCode.InvalidArgument, "Several paths together have no name of their own. Give one with --source.");
}
