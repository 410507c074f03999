using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>Takes a snapshot of files and folders.</summary>
public sealed class FileBackup(Repository repository, IOperationSink sink)
{
    /// <summary>A file that changes while it is read is read again this often before it is taken as it is, and marked.</summary>
    private const int Attempts = 3;
    private const int MaxWarnings = 1000;
    private const int WindowSize = 1024 * 1024;

    /// <summary>A change this close to the parent's moment may hide behind a coarse time stamp.</summary>
    private const long TimeGrain = 3_000_000_000;

    /// <summary>Above this size a database in a tree is cut into larger blocks, which keeps its entry short.</summary>
    private const long SmallDatabase = 16 * 1024 * 1024;

    /// <summary>The note on a database inside a tree; a drill opens what has it.</summary>
    public const string DatabaseNote = "SQLite database, read in one transaction";

    private readonly TreeAccess access = TreeAccess.Current;
    private readonly List<string> warnings = [];
    private readonly Dictionary<(ulong Device, ulong Inode), string> linked = [];
    private readonly byte[] window = new byte[WindowSize];
    private long bytesDone;

    /// <summary>Backs up the paths as one snapshot.</summary>
    /// <param name="what">The paths and patterns.</param>
    /// <param name="options">Name and tags.</param>
    /// <param name="cancellation">Ends the backup; nothing of it stays but packs that the next prune removes.</param>
    /// <returns>The committed snapshot; files that could not be taken whole are in its warnings.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/>, or the repository fails.</exception>
    public Snapshot Run(FileBackupOptions what, BackupOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(what);
        ArgumentNullException.ThrowIfNull(options);
        options.Check();
        var watch = Stopwatch.StartNew();
        var roots = TreeRoots.Of(what.Paths);
        var exclude = new PathFilter([.. what.Exclude, .. what.ExcludeFrom.SelectMany(PathFilter.ReadPatterns)]);
        using var lease = repository.Share($"backup of {options.Source}", cancellation);
        var catalog = new SnapshotCatalog(repository);
        var parent = catalog.Parent(options.Source, SnapshotKind.Files);
        var taken = repository.Time.GetUtcNow();

        using var blocks = new BlockWriter(repository, cancellation);
        using var listing = new ListingWriter(blocks);
        var walk = new Walk(roots.Origin, exclude, what.Reread ? null : OpenParent(parent, cancellation), listing, options.Source, cancellation);
        foreach (var root in roots.Paths)
        {
            Take(walk, root, access.Facts(AbsoluteOf(roots.Origin, root)));
        }

        var (listingBlocks, digests) = listing.Finish(cancellation);
        var (map, mapStored) = repository.StoreMap(Listing.WriteMap(listingBlocks));
        lease.Assert();
        var manifest = Manifest.Of(SnapshotKind.Files, options, taken, parent?.Id, catalog.NextNumber(options.Source)) with
        {
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            Origin = PathCodec.Display(roots.Origin),
            Size = bytesDone,
            StoredSize = blocks.StoredSize + mapStored,
            ContentHash = ContentHash.Of(digests),
            Map = map,
            Verified = VerificationLevel.Quick,
            Warnings = [.. warnings],
            FileCount = listing.Count,
        };
        var id = repository.Commit(manifest, cancellation);
        sink.Progress($"Backing up {options.Source}", bytesDone, bytesDone);
        return catalog.Describe(id, manifest);
    }

    /// <summary>What stays the same during one walk.</summary>
    private sealed record Walk(string Origin, PathFilter Exclude, ParentListing? Parent, ListingWriter Listing, string Source, CancellationToken Cancellation);

    private void Take(Walk walk, string path, FileFacts? found)
    {
        walk.Cancellation.ThrowIfCancellationRequested();
        if (found is not { } facts)
        {
            Warn($"'{PathCodec.Display(path)}' vanished before it was read.");
            return;
        }

        if (path.Length > 0 && walk.Exclude.Matches(path))
        {
            return;
        }

        var absolute = AbsoluteOf(walk.Origin, path);
        if (facts.Kind == EntryKind.Folder && !repository.Store.IsRemote && absolute == repository.Location)
        {
            sink.Inform($"'{PathCodec.Display(path)}' is the repository itself and was left out.");
            return;
        }

        try
        {
            switch (facts.Kind)
            {
                case EntryKind.Folder:
                    walk.Listing.Add(new PendingEntry(Describe(path, facts)));
                    TakeFolder(walk, path, absolute);
                    break;
                case EntryKind.Link:
                    walk.Listing.Add(new PendingEntry(Describe(path, facts) with { Target = access.ReadLink(absolute) }));
                    break;
                case EntryKind.File:
                    TakeFile(walk, path, absolute, facts);
                    break;
                default:
                    sink.Inform($"'{PathCodec.Display(path)}' is a device, pipe or socket and was left out.");
                    break;
            }
        }
        catch (FileNotFoundException)
        {
            Warn($"'{PathCodec.Display(path)}' vanished while it was read.");
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            Warn($"'{PathCodec.Display(path)}' could not be read and is not in the snapshot: {e.Message}");
        }
    }

    private void TakeFolder(Walk walk, string path, string absolute)
    {
        var names = access.Names(absolute).Order(TreeOrder.Instance).ToList();
        var databases = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            if (IsLogOf(name, databases))
            {
                continue;
            }

            var below = path.Length == 0 ? name : $"{path}/{name}";
            var count = databasesTaken;
            Take(walk, below, access.Facts(TreeAccess.Join(absolute, name)));
            if (databasesTaken > count)
            {
                databases.Add(name);
            }
        }
    }

    private int databasesTaken;

    /// <summary>Whether the name is a log of a database that was just taken with all that is in its log.</summary>
    private static bool IsLogOf(string name, HashSet<string> databases) =>
        databases.Count > 0
        && name.LastIndexOf('-') is > 0 and var dash
        && name[dash..] is "-wal" or "-shm" or "-journal"
        && databases.Contains(name[..name.LastIndexOf('-')]);

    private void TakeFile(Walk walk, string path, string absolute, FileFacts facts)
    {
        if (facts.Links > 1 && facts.Inode != 0)
        {
            if (linked.TryGetValue((facts.Device, facts.Inode), out var first))
            {
                walk.Listing.Add(new PendingEntry(Describe(path, facts) with { Kind = EntryKind.HardLink, Target = first, Size = 0 }));
                return;
            }

            TakeContent(walk, path, absolute, facts);
            linked.Add((facts.Device, facts.Inode), path);
            return;
        }

        TakeContent(walk, path, absolute, facts);
    }

    private void TakeContent(Walk walk, string path, string absolute, FileFacts facts)
    {
        if (walk.Parent?.Unchanged(path, facts) is { } same)
        {
            walk.Listing.Add(new PendingEntry(Describe(path, facts) with { Extents = same.Extents, Size = same.Size, Note = same.Note }));
            Advance(walk, facts.Size);
            return;
        }

        for (var attempt = 1; ; attempt++)
        {
            var pending = new PendingEntry(Describe(path, facts));
            using var file = access.OpenRead(absolute);
            if (TakeDatabase(walk, pending, absolute, file))
            {
                return;
            }

            var length = ReadContent(walk, pending, file, facts);
            var after = access.Facts(absolute);
            var steady = after is { } a && a.Size == length && a.Modified == facts.Modified && a.Changed == facts.Changed;
            if (!steady && attempt < Attempts && after is { } again)
            {
                facts = again;
                continue;
            }

            pending.Entry = pending.Entry with { Size = length, Note = steady ? "" : "changed while it was read" };
            if (!steady)
            {
                Warn($"'{PathCodec.Display(path)}' changed while it was read, {Attempts} times; it was taken as it was last.");
            }

            walk.Listing.Add(pending);
            Advance(walk, length);
            return;
        }
    }

    /// <summary>Reads a file to its end; holes are noted, not read. Returns the length that was found.</summary>
    private long ReadContent(Walk walk, PendingEntry pending, SafeFileHandle file, FileFacts facts)
    {
        // A file that takes less space than its size has holes (or a compressing file system below it).
        var sparse = facts.Blocks >= 0 && facts.Blocks * 512 < facts.Size;
        long at = 0;
        while (sparse && access.NextData(file, at, facts.Size) is var (start, end))
        {
            if (start > at)
            {
                pending.AddHole(start - at);
            }

            at = ReadRange(walk, pending, file, start, end);
            if (at < end || at >= facts.Size)
            {
                break;
            }
        }

        if (!sparse)
        {
            return ReadRange(walk, pending, file, 0, long.MaxValue);
        }

        if (at < facts.Size)
        {
            pending.AddHole(facts.Size - at);
        }

        return facts.Size;
    }

    /// <summary>Reads a range, cuts it into chunks, and returns where it ended.</summary>
    private long ReadRange(Walk walk, PendingEntry pending, SafeFileHandle file, long from, long to)
    {
        var chunker = ContentChunker.Files;
        int start = 0, length = 0;
        var ended = false;
        while (true)
        {
            walk.Cancellation.ThrowIfCancellationRequested();
            while (!ended && length < window.Length)
            {
                var wanted = (int)Math.Min(window.Length - length, to - from);
                var read = wanted == 0 ? 0 : RandomAccess.Read(file, window.AsSpan(length, wanted), from);
                ended = read == 0;
                length += read;
                from += read;
            }

            while (start < length && (ended || length - start >= chunker.Max))
            {
                var cut = chunker.Cut(window.AsSpan(start, Math.Min(length - start, chunker.Max)));
                walk.Listing.AddBlock(pending, window.AsSpan(start, cut));
                start += cut;
            }

            if (ended)
            {
                return from;
            }

            window.AsSpan(start, length - start).CopyTo(window);
            (start, length) = (0, length - start);
        }
    }

    /// <summary>
    /// A live SQLite database inside a tree is read in one transaction, with what is in its log; byte by byte it could
    /// come out torn.
    /// </summary>
    private bool TakeDatabase(Walk walk, PendingEntry pending, string absolute, SafeFileHandle file)
    {
        Span<byte> magic = stackalloc byte[16];
        if (RandomAccess.Read(file, magic, 0) != magic.Length || !magic.SequenceEqual("SQLite format 3\0"u8))
        {
            return false;
        }

        // Closed first: on POSIX a later close would drop the locks of the connection that is opened now.
        file.Dispose();
        try
        {
            using var database = HotDatabase.Open(absolute, cancellation: walk.Cancellation);
            var blockSize = Math.Max(database.PageSize, database.Size > SmallDatabase ? 16384 : 4096);
            var size = database.Size;
            for (long offset = 0; offset < size;)
            {
                walk.Cancellation.ThrowIfCancellationRequested();
                var length = (int)Math.Min(WindowSize, size - offset);
                database.Read(offset, window.AsSpan(0, length));
                for (var done = 0; done < length; done += blockSize)
                {
                    walk.Listing.AddBlock(pending, window.AsSpan(done, Math.Min(blockSize, length - done)));
                }

                offset += length;
            }

            if (SqliteInspection.QuickCheck(database.Connection) is var integrity and not "ok")
            {
                Warn($"'{PathCodec.Display(pending.Entry.Path)}' is a SQLite database that fails its integrity check: {integrity}. It was taken as it is; a drill of this snapshot will fail.");
            }

            pending.Entry = pending.Entry with { Size = size, Note = DatabaseNote, Inode = 0 };
            walk.Listing.Add(pending);
            databasesTaken++;
            Advance(walk, size);
            sink.Inform($"'{pending.Entry.Path}' is a SQLite database and was read in one transaction. Invoke-DbBackup also counts its rows.");
            return true;
        }
        catch (Exception e) when (e is MaintenanceException or Microsoft.Data.Sqlite.SqliteException)
        {
            Warn($"'{PathCodec.Display(pending.Entry.Path)}' looks like a SQLite database but could not be read as one ({e.Message}); it was taken byte by byte.");
            using var plain = access.OpenRead(absolute);
            pending = new PendingEntry(pending.Entry);
            var length = ReadRange(walk, pending, plain, 0, long.MaxValue);
            pending.Entry = pending.Entry with { Size = length };
            walk.Listing.Add(pending);
            Advance(walk, length);
            return true;
        }
    }

    private static FileEntry Describe(string path, FileFacts facts) => new()
    {
        Path = path,
        Kind = facts.Kind,
        Mode = facts.Mode,
        User = facts.User,
        Group = facts.Group,
        Modified = facts.Modified,
        Changed = facts.Changed,
        Inode = facts.Inode,
        Size = facts.Kind == EntryKind.File ? facts.Size : 0,
    };

    private ParentListing? OpenParent((string Id, Manifest Manifest)? parent, CancellationToken cancellation)
    {
        try
        {
            return parent is { } p
                ? new ParentListing(repository.Index, Listing.Entries(Listing.Read(repository, p.Id, p.Manifest, cancellation)), p.Manifest.Created, TimeGrain)
                : null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            sink.Warn($"The previous snapshot cannot be compared with, so every file is read: {e.Message}");
            return null;
        }
    }

    private void Advance(Walk walk, long bytes)
    {
        bytesDone += bytes;
        sink.Progress($"Backing up {walk.Source}", bytesDone, -1);
    }

    private void Warn(string message)
    {
        sink.Warn(message);
        if (warnings.Count < MaxWarnings)
        {
            warnings.Add(message);
        }
    }

    private static string AbsoluteOf(string origin, string path) => path.Length == 0 ? origin : TreeAccess.Join(origin, path);
}
