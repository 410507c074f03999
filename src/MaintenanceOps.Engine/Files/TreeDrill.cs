using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Files;

/// <summary>Restores files into a scratch folder and compares what is there with the listing.</summary>
internal sealed class TreeDrill(Repository repository, IOperationSink sink)
{
    public void Run(Snapshot snapshot, ProofOptions options, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var scratch = ScratchFolder.Create(options.ScratchFolder);
        var destination = TreeAccess.Join(scratch.Path, "drill");
        new TreeRestore(repository, sink).Run(snapshot, new RestoreOptions { Destination = destination }, cancellation);

        var manifest = repository.ReadManifest(snapshot.Id);
        drill.Files = 0;
        foreach (var entry in Listing.Entries(Listing.Read(repository, snapshot.Id, manifest, cancellation)))
        {
            cancellation.ThrowIfCancellationRequested();
            drill.Files++;
            var path = entry.Path.Length == 0 ? destination : TreeAccess.Join(destination, entry.Path);
            Compare(entry, TreeAccess.Current.Facts(path), snapshot, drill);
            if (entry.Content == ContentKind.SqliteDatabase)
            {
                OpenDatabase(entry, path, snapshot, drill, cancellation);
            }
        }
    }

    /// <summary>A database that was taken with the tree has to open, and to pass its own check.</summary>
    private static void OpenDatabase(FileEntry entry, string path, Snapshot snapshot, SnapshotProof.Drill drill, CancellationToken cancellation)
    {
        using var connection = SqliteConnections.OpenAlone(path);
        connection.CancelOn(cancellation);
        try
        {
            if (SqliteInspection.IntegrityCheck(connection) is var integrity and not "ok")
            {
                drill.Fail("IntegrityCheckFailed", $"'{PathCodec.Display(entry.Path)}' fails its integrity check after the restore: {integrity}", snapshot, PathCodec.Display(entry.Path));
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

    private static void Compare(FileEntry entry, FileFacts? found, Snapshot snapshot, SnapshotProof.Drill drill)
    {
        var kind = entry.Kind == EntryKind.HardLink ? EntryKind.File : entry.Kind;
        var problem = found switch
        {
            null => "is missing",
            { } f when f.Kind != kind => $"is a {f.Kind} and was a {kind}",
            { } f when entry.Kind == EntryKind.File && f.Size != entry.Size => $"has {f.Size} bytes and had {entry.Size}",
            { } f when entry.Kind != EntryKind.Link && entry.Mode >= 0 && f.Mode >= 0 && f.Mode != entry.Mode => "has other permissions",
            _ => null,
        };
        if (problem is not null)
        {
            drill.Fail("FileDiffers", $"'{PathCodec.Display(entry.Path)}' {problem} after the restore.", snapshot, PathCodec.Display(entry.Path));
        }
    }
}
