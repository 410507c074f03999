using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Writes chosen entries below a staging folder. Blocks come in the order of the packs, so files are filled from many
/// sides at once; each is finished, with its permissions and times, when its last block has come.
/// </summary>
internal sealed class TreeStage(Repository repository, IOperationSink sink, Selection selection, string root)
{
    private const int MaxWarnings = 1000;
    private const int MaxOpen = 256;
    private readonly TreeAccess access = TreeAccess.Current;
    private readonly DurableFiles files = DurableFiles.Default;
    private readonly Dictionary<int, SafeFileHandle> open = [];
    private readonly Dictionary<int, int> missing = [];
    private readonly HashSet<int> created = [];
    private long written;

    public List<string> Warnings { get; } = [];

    /// <summary>One block's place: the file, by its index in the selection, and the offset in it.</summary>
    private readonly record struct Place(int Entry, long Offset, long Length);

    public void Write(Snapshot snapshot, CancellationToken cancellation)
    {
        access.CreateFolder(root);
        foreach (var entry in selection.Entries.Where(e => e.Kind == EntryKind.Folder && e.Path.Length > 0))
        {
            MakeFolder(entry.Path);
        }

        var (places, ids) = Plan();
        var placement = Placement.Of(repository.Index, ids);
        placement.RequireComplete(snapshot.Id, repository.Location);
        try
        {
            new BlockReader(repository).Read(
                placement.Ordinals,
                (int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block) =>
                {
                    foreach (var place in placement.PlacesOf(ordinal))
                    {
                        Put(places[place], block, snapshot);
                    }
                },
                cancellation);
        }
        finally
        {
            foreach (var handle in open.Values)
            {
                handle.Dispose();
            }
        }

        // Links come last: nothing is ever written through one that the snapshot brought along.
        MakeLinks();
        files.SyncVolume(root);
    }

    /// <summary>Folders get their permissions and times when all is in them; the innermost first.</summary>
    public void ApplyFolders(string destination)
    {
        foreach (var entry in selection.Entries.Where(e => e.Kind == EntryKind.Folder).Reverse())
        {
            Apply(entry, entry.Path.Length == 0 ? destination : TreeAccess.Join(destination, entry.Path));
        }
    }

    private (List<Place> Places, List<BlockId> Ids) Plan()
    {
        var places = new List<Place>();
        var ids = new List<BlockId>();
        for (var i = 0; i < selection.Entries.Count; i++)
        {
            var entry = selection.Entries[i];
            if (entry.Kind != EntryKind.File)
            {
                continue;
            }

            long offset = 0;
            var blocks = 0;
            foreach (var extent in entry.Extents)
            {
                if (!extent.IsHole)
                {
                    places.Add(new Place(i, offset, extent.Length));
                    ids.Add(extent.Block);
                    blocks++;
                }

                offset += extent.Length;
            }

            missing[i] = blocks;
            if (blocks == 0)
            {
                Finish(i, OpenFor(i));
            }
        }

        return (places, ids);
    }

    private void Put(Place place, ReadOnlySpan<byte> block, Snapshot snapshot)
    {
        if (block.Length != place.Length)
        {
            throw new InvalidDataException("A block has another length than its place.");
        }

        // A file of one block, by far the most frequent case, needs no bookkeeping between threads.
        var entry = selection.Entries[place.Entry];
        if (entry.Extents.Length == 1)
        {
            using var single = CreateFile(entry);
            files.Write(single, block, 0);
            Close(entry, single);
        }
        else
        {
            lock (open)
            {
                var handle = OpenFor(place.Entry);
                files.Write(handle, block, place.Offset);
                if (--missing[place.Entry] == 0)
                {
                    Finish(place.Entry, handle);
                }
            }
        }

        sink.Progress($"Restoring {snapshot.Source}", Interlocked.Add(ref written, block.Length), selection.Size);
    }

    private SafeFileHandle OpenFor(int index)
    {
        if (open.TryGetValue(index, out var handle))
        {
            return handle;
        }

        if (open.Count >= MaxOpen)
        {
            var (any, spare) = open.First();
            open.Remove(any);
            spare.Dispose();
        }

        var entry = selection.Entries[index];
        handle = created.Add(index)
            ? CreateFile(entry)
            : access.OpenWrite(StagedPath(entry.Path));
        return open[index] = handle;
    }

    private SafeFileHandle CreateFile(FileEntry entry)
    {
        MakeFolder(ParentOf(entry.Path));
        return access.Create(StagedPath(entry.Path));
    }

    private void Finish(int index, SafeFileHandle handle)
    {
        open.Remove(index);
        using (handle)
        {
            Close(selection.Entries[index], handle);
        }
    }

    private void Close(FileEntry entry, SafeFileHandle handle)
    {
        if (RandomAccess.GetLength(handle) != entry.Size)
        {
            RandomAccess.SetLength(handle, entry.Size);
        }

        if (!DurableFiles.CanSyncVolume)
        {
            files.Sync(handle);
        }

        Apply(entry, StagedPath(entry.Path));
    }

    private void MakeLinks()
    {
        foreach (var entry in selection.Entries)
        {
            switch (entry.Kind)
            {
                case EntryKind.HardLink:
                    MakeFolder(ParentOf(entry.Path));
                    access.CreateHardLink(StagedPath(entry.Target), StagedPath(entry.Path));
                    break;
                case EntryKind.Link:
                    MakeFolder(ParentOf(entry.Path));
                    access.CreateLink(StagedPath(entry.Path), entry.Target);
                    Apply(entry, StagedPath(entry.Path));
                    break;
            }
        }
    }

    private void MakeFolder(string path)
    {
        lock (folders)
        {
            if (path.Length == 0 || !folders.Add(path))
            {
                return;
            }

            MakeFolder(ParentOf(path));
            access.CreateFolder(StagedPath(path));
        }
    }

    private readonly HashSet<string> folders = new(StringComparer.Ordinal);

    private void Apply(FileEntry entry, string path)
    {
        // Only root may give files away; for anybody else the owner is who restores, and one warning would follow each file.
        var owner = Environment.IsPrivilegedProcess ? entry.User : -1;
        if (access.Apply(path, entry.Kind, entry.Mode, owner, entry.Group, entry.Modified) is { } problem)
        {
            lock (Warnings)
            {
                if (Warnings.Count < MaxWarnings)
                {
                    Warnings.Add(problem);
                }
            }
        }
    }

    private string StagedPath(string path) => TreeAccess.Join(root, path);

    private static string ParentOf(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";
}
