using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Writes chosen entries into staging areas. Blocks come in the order of the packs, so files are filled from many
/// sides at once; each is finished, with its permissions and times, when its last block has come.
/// </summary>
internal sealed class TreeStage(Repository repository, IOperationSink sink, Selection selection, StagingAreas areas, AttributeProblems problems)
{
    private readonly DurableFiles files = DurableFiles.Default;
    private readonly Dictionary<int, SafeFileHandle> open = [];
    private readonly Dictionary<int, int> missing = [];
    private readonly HashSet<int> created = [];
    private readonly HashSet<string> databases = new(StringComparer.Ordinal);
    private readonly HashSet<string> logs = new(StringComparer.Ordinal);
    private long written;

    /// <summary>The entries that turned out to be SQLite databases.</summary>
    public IReadOnlySet<string> Databases => databases;

    /// <summary>The entries that turned out to be logs of SQLite databases.</summary>
    public IReadOnlySet<string> Logs => logs;

    /// <summary>What is not brought: links and special files that this system could not make, and logs that would do harm, by their paths.</summary>
    public Dictionary<string, UnrestoredObject> Unmade { get; } = new(StringComparer.Ordinal);

    /// <summary>One block's place: the file, by its index in the selection, and the offset in it.</summary>
    private readonly record struct Place(int Entry, long Offset, long Length);

    public void Write(Snapshot snapshot, CancellationToken cancellation)
    {
        foreach (var entry in selection.Entries.Where(e => e.Kind == EntryKind.Folder && e.Path.Length > 0))
        {
            areas.Of(entry.Path).MakeFolder(entry.Path);
        }

        try
        {
            var (places, ids) = Plan();
            var placement = Placement.Of(repository.Index, ids);
            placement.RequireComplete(snapshot.Id, repository.Location);
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
            CloseIdle(0);
        }

        // Links come last: nothing is ever written through one that the snapshot brought along.
        new StagedNames(areas, selection, problems, Unmade).Make(cancellation);
        foreach (var area in areas.All)
        {
            area.Folder.SyncVolume();
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

            if (entry.Content == ContentKind.SqliteDatabase)
            {
                databases.Add(entry.Path);
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

        var entry = selection.Entries[place.Entry];
        if (place.Offset == 0)
        {
            Recognise(entry.Path, block);
        }

        // A file of one block, by far the most frequent case, needs no bookkeeping between threads.
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

    private void Recognise(string path, ReadOnlySpan<byte> block)
    {
        var kind = block.StartsWith(DatabaseLogs.Magic) ? databases
            : DatabaseLogs.DatabaseOf(path) is not null && SqliteLog.HasMark(path, block) ? logs
            : null;
        if (kind is not null)
        {
            lock (kind)
            {
                kind.Add(path);
            }
        }
    }

    private SafeFileHandle OpenFor(int index)
    {
        if (open.TryGetValue(index, out var handle))
        {
            return handle;
        }

        CloseIdle(OpenLimit.Files - 1);
        var entry = selection.Entries[index];
        return open[index] = OpenLimit.Retry(() => created.Contains(index) ? Reopen(entry) : Create(index, entry), () => CloseIdle(0));
    }

    private SafeFileHandle Create(int index, FileEntry entry)
    {
        var handle = CreateFile(entry);
        created.Add(index);
        return handle;
    }

    private SafeFileHandle CreateFile(FileEntry entry)
    {
        var area = areas.Of(entry.Path);
        area.MakeFolder(FolderTree.ParentOf(entry.Path));
        using var folder = area.Brought.OpenParent(entry.Path);
        return folder.Folder.CreateFile(FolderTree.NameOf(entry.Path));
    }

    private SafeFileHandle Reopen(FileEntry entry)
    {
        using var folder = areas.Of(entry.Path).Brought.OpenParent(entry.Path);
        return folder.Folder.OpenWrite(FolderTree.NameOf(entry.Path));
    }

    private void CloseIdle(int keep)
    {
        while (open.Count > keep)
        {
            var (any, spare) = open.First();
            open.Remove(any);
            spare.Dispose();
        }
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
            DurableFiles.SetLength(handle, entry.Size);
        }

        if (!DurableFiles.CanSyncVolume)
        {
            files.Sync(handle);
        }

        using var folder = areas.Of(entry.Path).Brought.OpenParent(entry.Path);
        folder.Folder.Apply(handle, entry, problems);
    }
}
