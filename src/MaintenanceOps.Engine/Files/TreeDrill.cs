using MaintenanceOps.Engine.Snapshots;

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
            Compare(entry, TreeAccess.Current.Facts(entry.Path.Length == 0 ? destination : TreeAccess.Join(destination, entry.Path)), snapshot, drill);
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
