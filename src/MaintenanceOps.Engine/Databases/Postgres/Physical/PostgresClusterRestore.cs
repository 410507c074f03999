using System.Diagnostics;
using System.Globalization;
using System.Text;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Brings a cluster back as a data directory that a server can be started on. Everything is written beside the
/// destination, told how far to recover, and gets its name in one rename, so that a half-restored cluster cannot start.
/// </summary>
internal sealed class PostgresClusterRestore(Repository repository, IOperationSink sink)
{
    /// <summary>What the names of folders that were replaced have in them.</summary>
    public const string KeptSuffix = ".before-restore-";

    private readonly DurableFiles files = DurableFiles.Default;

    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.Table is not null || options.Schema is not null)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, "A table is restored into a live server: give -ConnectionString.", snapshot.Id);
        }

        var destination = Path.GetFullPath(options.Destination ?? throw new MaintenanceException(
            ErrorCode.InvalidArgument,
            "A cluster is restored to a data directory: give -Destination.",
            snapshot.Id));
        var manifest = repository.ReadManifest(snapshot.Id);
        var facts = manifest.Postgres ?? throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"Snapshot {snapshot.ShortId} does not say which cluster it is of.", snapshot.Id);
        if (options.Recovery is { } target)
        {
            RequireReachable(repository, sink, snapshot, facts, target);
        }

        TablespaceRestore.RequireKnown(facts.Base!.Tablespaces, options.TablespaceMapping);
        var tablespaces = facts.Base.Tablespaces.Select(t => new TablespaceRestore(t, facts.Version, destination, options.TablespaceMapping)).ToList();
        RequireFree(destination, options);
        tablespaces.ForEach(t => t.RequireFree(options.Force));
        var watch = Stopwatch.StartNew();
        var whole = new RestoreOptions { Destination = destination, DryRun = true, Exclude = [.. facts.Base.Tablespaces.Select(t => t.Path)] };
        if (options.DryRun)
        {
            return new TreeRestore(repository, sink).Run(snapshot, whole with { Force = true }, cancellation);
        }

        try
        {
            using var scratch = ScratchFolder.Create(Path.GetDirectoryName(destination));
            var staged = Path.Combine(scratch.Path, "cluster");
            var result = new TreeRestore(repository, sink).Run(snapshot, whole with { Destination = staged, DryRun = false }, cancellation);
            tablespaces.ForEach(t => t.Stage(repository, sink, snapshot, FileOwner.Of(staged), cancellation));
            var warnings = new List<string>(result.Warnings);
            WriteSettings(staged, options, TakesOver(destination, facts), warnings);
            Install(staged, destination, tablespaces, warnings);
            return result with { Destination = destination, Warnings = warnings, Elapsed = watch.Elapsed };
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "restore to", destination);
        }
        finally
        {
            tablespaces.ForEach(t => t.Dispose());
        }
    }

    /// <summary>
    /// Puts everything in its place. The old cluster goes first and the new one comes last, so that a kill in between leaves
    /// none that could start with another one's tablespaces.
    /// </summary>
    private void Install(string staged, string destination, List<TablespaceRestore> tablespaces, List<string> warnings)
    {
        var suffix = KeptSuffix + repository.Time.GetUtcNow().ToString("yyyyMMdd-HHmmss-fff", CultureInfo.InvariantCulture);
        var renames = new Renames(files);
        try
        {
            MakeRoom(destination, destination + suffix, renames, warnings);
            tablespaces.ForEach(t => t.Install(staged, suffix, renames, warnings));
            renames.Do(staged, destination);
            files.SyncDirectory(Path.GetDirectoryName(destination)!);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            renames.Undo();
            throw;
        }
    }

    /// <summary>A recovery begins at the end of the base backup, and needs the log from there on without a gap.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/> or <see cref="ErrorCode.WalMissing"/>.</exception>
    public static void RequireReachable(Repository repository, IOperationSink sink, Snapshot snapshot, PostgresFacts facts, RecoveryTarget target)
    {
        var from = facts.Base!;
        if (!target.IsAtOrAfter(from.Ended, from.EndLsn))
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"Snapshot {snapshot.ShortId} reaches from {from.Ended:yyyy-MM-dd HH:mm:ss} UTC ({from.EndLsn}) on. Choose an older base backup of '{snapshot.Source}' for an earlier moment.",
                snapshot.Id);
        }

        var archive = new WalArchive(repository);
        if (archive.Gaps(facts.System, from.StartSegment) is [var gap, ..])
        {
            throw new MaintenanceException(ErrorCode.WalMissing, $"The log of cluster {facts.System} in {repository.Location} has a gap: {gap}. A recovery from {snapshot.ShortId} cannot pass it.", gap);
        }

        if (target.Moment is { } moment && archive.Files(facts.System).Where(f => f.File.IsSegment).Max(f => f.Stored.Modified) is var newest && newest < moment)
        {
            sink.Warn($"The newest segment of the archive came at {newest:yyyy-MM-dd HH:mm:ss} UTC, before {moment:yyyy-MM-dd HH:mm:ss} UTC. {LogEndsEarly}");
        }
    }

    /// <summary>What to do where the archive does not reach the target.</summary>
    public const string LogEndsEarly = "Where the server still runs, 'select pg_switch_wal()' there sends what it has; else choose an earlier moment.";

    private static void RequireFree(string destination, RestoreOptions options)
    {
        if (File.Exists(Path.Combine(destination, "postmaster.pid")))
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"A server runs in '{destination}', or was not shut down. Stop it; where none runs, remove its postmaster.pid.", destination);
        }

        if (Directory.Exists(destination) && Directory.EnumerateFileSystemEntries(destination).Any() && !options.Force)
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{destination}' is not empty. Give another destination, or -Force to put this cluster in its place; the old one is kept beside it.", destination);
        }
    }

    /// <summary>An empty folder goes; a cluster that is replaced gets another name and stays.</summary>
    private static void MakeRoom(string destination, string kept, Renames renames, List<string> warnings)
    {
        if (!Directory.Exists(destination))
        {
            return;
        }

        if (!Directory.EnumerateFileSystemEntries(destination).Any())
        {
            Directory.Delete(destination);
            return;
        }

        renames.Do(destination, kept);
        warnings.Add($"What was in '{destination}' is kept as '{kept}'. Remove it when the new one is known to be right.");
    }

    /// <summary>Whether it comes in the place of the cluster that it was taken from, and goes on with its log.</summary>
    private static bool TakesOver(string destination, PostgresFacts facts) =>
        File.Exists(Path.Combine(destination, ControlFile.Name)) && ControlFile.SystemOf(destination) == facts.System;

    /// <summary>
    /// Settings that are read after all others, and the file that asks for a recovery; both before the cluster has its name. A
    /// copy beside the original must not archive: its branch of the log would lead later recoveries astray.
    /// </summary>
    private void WriteSettings(string folder, RestoreOptions options, bool takesOver, List<string> warnings)
    {
        var settings = new StringBuilder("\n# Written by MaintenanceOps.\n");
        var written = new List<string>();
        if (!takesOver)
        {
            settings.AppendLine("archive_mode = off");
            warnings.Add("The restored cluster does not archive its log, because the original may still do so. To let it take over, 'alter system reset archive_mode' and restart it.");
        }

        if (options.Recovery is { } target)
        {
            settings.AppendLine(CultureInfo.InvariantCulture, $"restore_command = {Literal(RestoreCommand(options))}");
            settings.AppendLine(CultureInfo.InvariantCulture, $"recovery_target_timeline = {Literal(target.Timeline)}");
            if (target.Setting.Length > 0)
            {
                settings.AppendLine(CultureInfo.InvariantCulture, $"{target.Setting} = {Literal(target.Value)}");
                settings.AppendLine("recovery_target_action = 'promote'");
            }

            written.Add(Path.Combine(folder, "recovery.signal"));
            File.WriteAllText(written[0], "");
        }
        else if (takesOver)
        {
            return;
        }

        var automatic = Path.Combine(folder, "postgresql.auto.conf");
        File.AppendAllText(automatic, settings.ToString());
        written.Add(automatic);
        foreach (var path in written)
        {
            FileAttributesCopy.Apply(Path.Combine(folder, ControlFile.Name), path, []);
            using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
            files.Sync(handle);
        }

        files.SyncDirectory(folder);
    }

    /// <summary>The server runs this for each file of the log that it wants, as its own user and in the data directory.</summary>
    private string RestoreCommand(RestoreOptions options)
    {
        if (options.RestoreCommand is { } given)
        {
            return given;
        }

        var own = Environment.ProcessPath is { } path && Path.GetFileNameWithoutExtension(path) == "mops" ? path : "mops";
        return $"{Quote(own)} wal-fetch %f \"%p\" --repository {Quote(repository.Location)}";
    }

    private static string Quote(string word) => $"\"{word.Replace("\"", "\\\"", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal)}\"";

    /// <summary>A value in a configuration file: quotes and backslashes doubled.</summary>
    private static string Literal(string value) =>
        $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";
}
