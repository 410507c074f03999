using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Brings files back: everything is staged beside the destination and checked, then moved into place entry by entry;
/// whatever fails, the entries that were moved go back. Files that the snapshot does not have are left alone.
/// </summary>
internal sealed class TreeRestore(Repository repository, IOperationSink sink)
{
    private readonly TreeAccess access = TreeAccess.Current;

    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.Table is not null)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, "-Table is for databases. Of files, -Include restores a part.", snapshot.Id);
        }

        var destination = Path.GetFullPath(options.Destination ?? (options.InPlace
            ? snapshot.Origin
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "Say where to: -Destination, or -InPlace for where it came from.")));
        var watch = Stopwatch.StartNew();
        var manifest = repository.ReadManifest(snapshot.Id);
        var selection = Selection.Of(Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, cancellation)), options.Include, options.Items, options.Exclude);
        if (options.Include.Count + options.Items.Count > 0 && selection.Entries.Count == 0)
        {
            throw new MaintenanceException(ErrorCode.ItemNotFound, $"Nothing in snapshot {snapshot.ShortId} fits {string.Join(", ", options.Include.Concat(options.Items).Take(5))}.", snapshot.Id);
        }

        var conflicts = Conflicts(selection, destination);
        if (conflicts.Count > 0 && !options.InPlace && !options.Force)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationInUse,
                $"{conflicts.Count} of the files exist in '{destination}', such as '{PathCodec.Display(conflicts[0])}'. Give another destination, or -Force to replace them.",
                destination);
        }

        var result = new RestoreResult
        {
            Id = snapshot.Id,
            Repository = snapshot.Repository,
            Source = snapshot.Source,
            Destination = destination,
            RestoredBytes = selection.Size,
            RestoredItems = selection.Entries.Count,
        };
        FreeSpace.Require(destination, selection.Size);
        if (options.DryRun)
        {
            return result;
        }

        try
        {
            var safety = conflicts.Count > 0 && !options.NoSafetySnapshot
                ? TakeSafetySnapshot(snapshot, destination, conflicts, cancellation)
                : null;
            var warnings = Carry(snapshot, selection, destination, cancellation);
            return result with { SafetySnapshot = safety, Warnings = warnings, Elapsed = watch.Elapsed };
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "restore to", destination);
        }
    }

    private List<string> Carry(Snapshot snapshot, Selection selection, string destination, CancellationToken cancellation)
    {
        var existed = access.Facts(destination) is not null;
        var home = existed ? destination : Path.GetDirectoryName(destination)!;
        using var scratch = ScratchFolder.Create(home);
        var staged = TreeAccess.Join(scratch.Path, "new");
        var stage = new TreeStage(repository, sink, selection, staged);
        stage.Write(snapshot, cancellation);
        if (existed)
        {
            new TreeSwap(access, selection, staged, TreeAccess.Join(scratch.Path, "old"), destination).Run(cancellation);
        }
        else
        {
            access.Rename(staged, destination);
        }

        DurableFiles.Default.SyncDirectory(existed ? destination : home);
        stage.ApplyFolders(destination);
        return stage.Warnings;
    }

    private List<string> Conflicts(Selection selection, string destination) => access.Facts(destination) is null
        ? []
        : [.. selection.Entries.Where(e => e.Kind != EntryKind.Folder && access.Facts(TreeAccess.Join(destination, e.Path)) is not null).Select(e => e.Path)];

    private string TakeSafetySnapshot(Snapshot snapshot, string destination, List<string> conflicts, CancellationToken cancellation)
    {
        var what = new FileBackupOptions { Paths = [.. conflicts.Select(c => TreeAccess.Join(destination, c))] };
        var options = new BackupOptions { Source = SafetySource.Of(snapshot.Source), Tags = ["before-restore"] };
        var safety = new FileBackup(repository, sink).Run(what, options, cancellation);
        return safety.Id;
    }
}
