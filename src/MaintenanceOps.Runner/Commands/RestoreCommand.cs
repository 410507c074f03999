using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RestoreCommand : RunnerCommand
{
    private static readonly Option<string> Destination = new("--destination", "-d") { Description = "Where to: a file or folder.", HelpName = "path" };
    private static readonly Option<bool> InPlace = new("--in-place") { Description = "Replace the state where it came from (or at --destination), after a safety snapshot." };
    private static readonly Option<bool> NoSafetySnapshot = new("--no-safety-snapshot") { Description = "Leave out the snapshot of the state that is replaced." };
    private static readonly Option<string[]> Include = new("--include") { Description = "Only files that fit; * within a name, ** across folders.", HelpName = "pattern", DefaultValueFactory = _ => [] };
    private static readonly Option<string> Table = new("--table") { Description = "Only this table with all that belongs to it, into the live database.", HelpName = "name" };
    private static readonly Option<string> Schema = new("--schema") { Description = "Of a PostgreSQL database: only this schema, into a live one.", HelpName = "name" };
    private static readonly Option<string> Database = new("--database") { Description = "Of a PostgreSQL snapshot: the database to restore, or to take a table out of.", HelpName = "name" };
    private static readonly Option<string> As = new("--as") { Description = "The name that the table, schema or database gets.", HelpName = "name" };

    private static readonly Option<string> PointInTime = new("--point-in-time", "-t") { Description = "Of a PostgreSQL cluster: recover from the log archive to a moment (2026-11-21T14:03:00Z), a place (16/B374D848), a transaction, a restore point, or latest.", HelpName = "target" };
    private static readonly Option<string> RestoreLog = new("--restore-command") { Description = "What the server runs for each file of the log. [default: mops wal-fetch]", HelpName = "command" };

    private static readonly Option<string[]> Tablespace = new("--tablespace-mapping", "--tablespace") { Description = "Of a cluster: another place for a tablespace. [default: beside the data directory]", HelpName = "old=new", DefaultValueFactory = _ => [] };
    private static readonly Option<string> ConnectionString = new("--connection-string", "-c") { Description = "A live PostgreSQL server to restore into, as with backup.", HelpName = "server" };
    private static readonly Option<int> Parallel = new("--parallel") { Description = "How many programs play a dump back at once.", HelpName = "count", DefaultValueFactory = _ => 1 };
    private static readonly Option<string> ScratchPath = new("--scratch-path") { Description = "Where files go that are needed only on the way.", HelpName = "folder" };

    public RestoreCommand()
        : base(
            "restore",
            "Bring a snapshot back: to a new place, in place as a transaction, or a part of it.",
            "mops restore latest --source notes/main --destination /tmp/notes.db",
            "mops restore latest --source notes/main --in-place",
            "mops restore latest --source notes/main --table notes --as notes_old",
            "mops restore latest --source pg/main --point-in-time 2026-11-21T14:03:00Z --destination /srv/pg/data",
            "mops restore latest -s pg/main -t 2026-11-21T14:03:00Z --table orders --as orders_1403 -c env:DATABASE_URL",
            "mops restore latest --source app/db --in-place --force",
            "mops restore 3f2a9c11 --include 'uploads/2026/**' --destination ./out") =>
        Use(SharedOptions.Snapshot, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.Source, Destination, InPlace, Include, Database, Table, Schema, As, PointInTime, SharedOptions.TargetTimeline, RestoreLog, Tablespace, ConnectionString, Parallel, ScratchPath, SharedOptions.ClientPath, SharedOptions.ClientPrefix, SharedOptions.Verified, SharedOptions.Strict, NoSafetySnapshot, SharedOptions.Force, SharedOptions.DryRun);

    protected override ExitCode Execute(RunnerContext context)
    {
        var options = new RestoreOptions
        {
            Destination = context.Get(Destination),
            InPlace = context.Get(InPlace),
            Include = context.Get(Include)!,
            Database = context.Get(Database),
            Table = context.Get(Table),
            Schema = context.Get(Schema),
            Parallel = context.Get(Parallel),
            ScratchFolder = context.Get(ScratchPath),
            TablespaceMapping = context.Get(Tablespace)!.Select(Values.Pair).ToDictionary(p => p.Key, p => p.Value),
            Tools = SharedOptions.ClientTools(context),
            As = context.Get(As),
            Recovery = context.Get(PointInTime) is { } target ? RecoveryTarget.Parse(target, context.Get(SharedOptions.TargetTimeline)) : null,
            RestoreCommand = context.Get(RestoreLog),
            ConnectionString = Values.FromEnvironment(context.Get(ConnectionString)),
            Strict = context.Get(SharedOptions.Strict),
            NoSafetySnapshot = context.Get(NoSafetySnapshot),
            Force = context.Get(SharedOptions.Force),
            DryRun = context.Get(SharedOptions.DryRun),
        };
        if (options is { As: not null, Table: null, Schema: null, ConnectionString: null })
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "--as names a table, schema or database in a live place, so it needs --table or --connection-string.");
        }

        using var repository = context.OpenRepository();
        var snapshot = options.Recovery is { } recovery
            ? new SnapshotCatalog(repository).FindBefore(recovery, context.Get(SharedOptions.Snapshot)!, context.Latest(), context.Sink)
            : context.FindSnapshot(repository);
        var result = new SnapshotRestore(repository, context.Sink).Run(snapshot, options, context.Cancellation);
        context.Output.Outcome(result, [.. Lines(result, options.DryRun)]);
        foreach (var warning in result.Warnings)
        {
            context.Sink.Warn(warning);
        }

        foreach (var missing in result.Unrestored)
        {
            context.Sink.Warn($"Not restored: {missing.ToString().TrimEnd('.')}.{(missing.Statement.Length > 0 ? $" Once the cause is mended, run: {missing.Statement}" : "")}");
        }

        return result.Unrestored.Count == 0 ? ExitCode.Done : ExitCode.Unhealthy;
    }

    private static IEnumerable<string> Lines(RestoreResult result, bool dryRun)
    {
        var what = result.RestoredRows >= 0
            ? $"{result.RestoredRows:N0} rows"
            : $"{ByteSize.Format(result.RestoredBytes)}{(result.RestoredItems > 1 ? $" in {result.RestoredItems:N0} entries" : "")}";
        yield return dryRun
            ? $"Would restore {what} of {result.Source} ({result.Id[..8]}) to {result.Destination}."
            : $"Restored {what} of {result.Source} ({result.Id[..8]}) to {result.Destination} in {Tables.Elapsed(result.Elapsed)}.";
        if (result.Recovered is { } reached)
        {
            yield return reached.ToString();
        }

        if (result.SafetySnapshot is { } safety)
        {
            yield return $"What was there before is snapshot {safety[..8]}.";
        }
    }
}
