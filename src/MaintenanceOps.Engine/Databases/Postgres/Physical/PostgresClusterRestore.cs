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

    /// <summary>The line in <c>postgresql.auto.conf</c> behind which everything is ours.</summary>
    public const string SettingsMark = "# Written by MaintenanceOps.";

    private readonly DurableFiles files = DurableFiles.Default;

    /// <summary>How the restored cluster recovers when it is started; null where it stays at the base backup.</summary>
    public RecoveryPlan? Plan { get; private set; }

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
        Plan = options.Recovery is { } target ? RecoveryPlan.Make(repository, sink, snapshot, facts, target) : null;

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
            List<string> warnings = [.. result.Warnings, .. manifest.Warnings];
            WriteSettings(staged, destination, options, TakesOver(destination, facts), warnings);
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

    /// <summary>What an earlier recovery or a standby left in the settings would end, delay or misdirect a later one.</summary>
    private static readonly (string Name, string Value)[] NothingLeft =
    [
        ("recovery_target", ""), ("recovery_target_time", ""), ("recovery_target_xid", ""), ("recovery_target_name", ""), ("recovery_target_lsn", ""),
        ("recovery_target_timeline", "latest"), ("recovery_target_inclusive", "on"), ("recovery_target_action", "pause"), ("recovery_min_apply_delay", "0"),
        ("recovery_end_command", ""), ("archive_cleanup_command", ""),
    ];

    /// <summary>
    /// Settings that are read after all others, and the file that asks for a recovery; both before the cluster has its name. A
    /// copy beside the original must not archive, because its branch of the log would lead later recoveries astray, and must
    /// not fetch what the original's subscriptions fetch.
    /// </summary>
    private void WriteSettings(string folder, string destination, RestoreOptions options, bool takesOver, List<string> warnings)
    {
        var isOfStandby = ForgetStandby(folder, warnings);
        var paths = new OriginalPaths(folder, destination, takesOver);
        warnings.AddRange(paths.Settle());
        paths.Changed.ForEach(Sync);
        if (Plan is not null || !takesOver)
        {
            WriteOwnSettings(folder, options, takesOver, isOfStandby, warnings);
        }

        files.SyncDirectory(folder);
    }

    private void WriteOwnSettings(string folder, RestoreOptions options, bool takesOver, bool isOfStandby, List<string> warnings)
    {
        var settings = new List<(string Name, string Value)>(NothingLeft);
        if (!takesOver)
        {
            settings.AddRange([("archive_mode", "off"), ("max_logical_replication_workers", "0")]);
            warnings.Add("The restored cluster does not archive its log and runs no subscriptions, because the original may still do so. To let it take over, 'alter system reset archive_mode', 'alter system reset max_logical_replication_workers', restart it, and take a base backup.");
        }

        if (!isOfStandby)
        {
            // A standby may be made one again, and needs to know its primary then; without the file that makes it one it asks nobody.
            settings.AddRange([("primary_conninfo", ""), ("primary_slot_name", "")]);
        }

        if (Plan is { } plan)
        {
            settings.AddRange([("restore_command", RestoreCommand(options)), .. plan.Settings]);
            var signal = Path.Combine(folder, "recovery.signal");
            File.WriteAllText(signal, "");
            GiveToServer(folder, signal);
            sink.Inform(plan.Words);
        }

        var automatic = Path.Combine(folder, "postgresql.auto.conf");
        File.AppendAllText(automatic, $"\n{SettingsMark}\n{string.Concat(settings.Select(s => $"{s.Name} = {Literal(s.Value)}\n"))}");
        GiveToServer(folder, automatic);
    }

    private void GiveToServer(string folder, string path)
    {
        FileAttributesCopy.Apply(Path.Combine(folder, ControlFile.Name), path, []);
        Sync(path);
    }

    private void Sync(string path)
    {
        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        files.Sync(handle);
    }

    /// <summary>
    /// A base backup of a standby holds the file that makes a server one. A restored cluster that followed a primary would
    /// never come to its own end, and might follow the live one.
    /// </summary>
    /// <returns>Whether it is one of a standby.</returns>
    private static bool ForgetStandby(string folder, List<string> warnings)
    {
        File.Delete(Path.Combine(folder, "recovery.signal"));
        var signal = Path.Combine(folder, "standby.signal");
        if (!File.Exists(signal))
        {
            return false;
        }

        File.Delete(signal);
        warnings.Add("The base backup is one of a standby. The restored cluster is not one: it follows no primary. To make it one again, put an empty file 'standby.signal' into it before its first start.");
        return true;
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
