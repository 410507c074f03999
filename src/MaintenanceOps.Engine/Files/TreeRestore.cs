using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Brings files back: everything is staged on the volumes that it goes to and checked, then moved into place entry by
/// entry; whatever fails, the entries that were moved go back. Files that the snapshot does not have are left alone.
/// </summary>
internal sealed class TreeRestore(Repository repository, IOperationSink sink)
{
    public RestoreResult Run(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        if (options.Table is not null)
        {
            throw new MaintenanceException(ErrorCode.SnapshotKindMismatch, "-Table is for databases. Of files, -Include restores a part.", snapshot.Id);
        }

        var watch = Stopwatch.StartNew();
        var (destination, selection) = RestoredLink.Follow(DestinationOf(snapshot, options), Select(snapshot, options, cancellation), options);
        try
        {
            using var place = DestinationPath.Follow(destination);
            using var tree = new FolderTree(place.Folder);
            var plan = new RestorePlan(snapshot, options, selection, destination, place, tree, cancellation);
            plan.Refuse();
            var result = new RestoreResult
            {
                Id = snapshot.Id,
                Repository = snapshot.Repository,
                Source = snapshot.Source,
                Destination = destination,
                RestoredBytes = selection.Size,
                RestoredItems = selection.Entries.Count,
            };
            if (options.DryRun)
            {
                return result;
            }

            var safety = plan.Conflicts.Count > 0 && !options.NoSafetySnapshot ? TakeSafetySnapshot(plan, cancellation) : null;
            var work = new TreeWork(repository, sink, plan);
            work.Run(cancellation);
            return result with
            {
                SafetySnapshot = safety,
                Warnings = work.Warnings,
                Unrestored = work.Unrestored,
                RestoredItems = selection.Entries.Count - work.Unrestored.Count,
                Elapsed = watch.Elapsed,
            };
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "restore to", destination);
        }
    }

    private static string DestinationOf(Snapshot snapshot, RestoreOptions options) =>
        Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.Destination ?? (options.InPlace
            ? snapshot.Origin
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "Say where to: -Destination, or -InPlace for where it came from."))));

    private Selection Select(Snapshot snapshot, RestoreOptions options, CancellationToken cancellation)
    {
        var entries = Listing.Entries(Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), cancellation));
        var selection = Selection.Of(entries, options.Include, options.Items, options.Exclude, snapshot.Origin);
        return options.Include.Count + options.Items.Count == 0 || selection.Entries.Count > 0
            ? selection
            : throw new MaintenanceException(ErrorCode.ItemNotFound, $"Nothing in snapshot {snapshot.ShortId} fits {string.Join(", ", options.Include.Concat(options.Items).Take(5))}.", snapshot.Id);
    }

    /// <summary>Nothing is replaced that is not whole in the repository.</summary>
    private string TakeSafetySnapshot(RestorePlan plan, CancellationToken cancellation)
    {
        var options = new BackupOptions { Source = SafetySource.Of(plan.Snapshot.Source), Tags = ["before-restore"] };
        var roots = TreeRoots.AsTheyAre(plan.Place.Folder.Path, plan.Conflicts);
        var safety = new FileBackup(repository, sink).Run(roots, new FileBackupOptions { Paths = [] }, options, cancellation);
        return safety.State != SnapshotState.Incomplete
            ? safety.Id
            : throw new MaintenanceException(
                ErrorCode.SnapshotIncomplete,
                $"The safety snapshot {safety.ShortId} lacks {safety.MissingCount} of what would be replaced, such as '{string.Join("', '", safety.Missing.Take(3))}'. Nothing was changed. Give the restore the right to read it, or do without the safety snapshot (-NoSafetySnapshot).",
                plan.Destination);
    }
}
