using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Files;

/// <summary>Restores files into a scratch folder and compares what is there with the listing.</summary>
internal sealed class TreeDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(options.ScratchFolder);
        var destination = TreeAccess.Join(scratch.Path, "drill");
        var restored = new TreeRestore(repository, sink).Run(snapshot, new RestoreOptions { Destination = destination }, cancellation);
        var unmade = restored.Unrestored.Select(u => u.Name).ToHashSet(StringComparer.Ordinal);
        foreach (var told in restored.Warnings.Concat(restored.Unrestored.Take(1).Select(u => $"{restored.Unrestored.Count} of the entries cannot be made here, such as '{u.Name}': {u.Error}")))
        {
            drill.Fail("NotRestorableHere", told, snapshot, severity: FindingSeverity.Warning);
        }

        var manifest = repository.ReadManifest(snapshot.Id);
        var differences = new AttributeDifferences();
        var tooLong = 0;
        drill.Files = 0;
        foreach (var entry in Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, cancellation)))
        {
            cancellation.ThrowIfCancellationRequested();
            drill.Files++;
            if (unmade.Contains(PathCodec.Display(entry.Path)))
            {
                continue;
            }

            var path = entry.Path.Length == 0 ? destination : TreeAccess.Join(destination, entry.Path);
            if (IsTooLong(path))
            {
                tooLong++;
                continue;
            }

            Compare(entry, path, differences, snapshot, drill);
            if (entry.Content == ContentKind.SqliteDatabase)
            {
                OpenDatabase(entry, path, snapshot, drill, cancellation);
            }
        }

        if (tooLong > 0)
        {
            drill.Gap($"{tooLong} entries were restored and not compared: in the scratch folder their paths are longer than the system takes.", snapshot);
        }

        // What was told above is not told twice.
        if (restored.Warnings.Count == 0 && differences.Tell() is { } found)
        {
            drill.Fail("AttributesDiffer", found, snapshot, severity: FindingSeverity.Warning);
        }
    }

    /// <summary>The longest path that a call takes, with its end; what is restored goes through the handles of folders.</summary>
    private static bool IsTooLong(string path) => !OperatingSystem.IsWindows() && PathCodec.Encode(path).Length >= 4096;

    /// <summary>Lets SQLite check the databases that were taken with the tree. Their bytes were compared with their hashes before.</summary>
    public void CheckDatabases(Snapshot snapshot, Manifest manifest, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        var databases = Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, cancellation)).Where(e => e.Content == ContentKind.SqliteDatabase).ToList();
        if (databases.Count == 0)
        {
            return;
        }

        if (!ScratchFolder.HasRoom(options.ScratchFolder, databases.Sum(d => d.Size)))
        {
            drill.Gap($"SQLite has not looked at the {databases.Count} databases in the tree: the scratch folder has no room for them.", snapshot);
            return;
        }

        using var scratch = ScratchFolder.Create(options.ScratchFolder);
        var destination = TreeAccess.Join(scratch.Path, "drill");
        var wanted = new RestoreOptions { Destination = destination, Items = [.. databases.Select(d => PathCodec.Display(d.Path))] };
        _ = new TreeRestore(repository, sink).Run(snapshot, wanted, cancellation);
        foreach (var entry in databases)
        {
            OpenDatabase(entry, TreeAccess.Join(destination, entry.Path), snapshot, drill, cancellation);
        }
    }

    /// <summary>A database that was taken with the tree has to open, and to pass its own check.</summary>
    private static void OpenDatabase(FileEntry entry, string path, Snapshot snapshot, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        var shown = PathCodec.Display(entry.Path);
        using var connection = SqliteConnections.OpenAlone(path);
        connection.CancelOn(cancellation);
        try
        {
            var found = SqliteCheck.Run(connection, thorough: true);
            foreach (var gap in found.Unchecked)
            {
                drill.Gap($"'{shown}': {gap}", snapshot);
            }

            if (found.Integrity != "ok")
            {
                drill.Fail("IntegrityCheckFailed", $"'{shown}' fails its integrity check after the restore: {found.Integrity}", snapshot, shown);
            }
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, path);
        }
    }

    private static void Compare(FileEntry entry, string path, AttributeDifferences differences, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        var found = TreeAccess.Current.Facts(path);
        var kind = entry.Kind == EntryKind.HardLink ? EntryKind.File : entry.Kind;
        var problem = found switch
        {
            null => "is missing",
            { } f when f.Kind != kind => $"is a {f.Kind} and was a {kind}",
            { } f when entry.Kind == EntryKind.File && f.Size != entry.Size => $"has {f.Size} bytes and had {entry.Size}",
            { } f when entry.Kind == EntryKind.Link && TreeAccess.Current.ReadLink(path) != entry.Target => "leads elsewhere",
            { } f when entry.Kind is EntryKind.CharacterDevice or EntryKind.BlockDevice && f.DeviceNumber != entry.DeviceNumber => "is another device",
            _ => null,
        };
        if (problem is not null)
        {
            drill.Fail("FileDiffers", $"'{PathCodec.Display(entry.Path)}' {problem} after the restore.", snapshot, PathCodec.Display(entry.Path));
        }
        else if (entry.Kind != EntryKind.HardLink)
        {
            differences.Compare(entry, path, found!.Value);
        }
    }
}
