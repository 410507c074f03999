using System.Diagnostics;
using System.Numerics;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>Reads the files of a tree: what has not changed since the parent is not read again, a database is read as one.</summary>
internal sealed class ContentReader(ListingWriter listing, ParentListing? parent, TreeFindings findings, IOperationSink sink, BackupOptions options, CancellationToken cancellation)
{
    /// <summary>A file that changes while it is read is read again this often before it is taken as it is, and marked.</summary>
    private const int Attempts = 3;
    private const int WindowSize = 1024 * 1024;

    /// <summary>What is read of a file that says it has no content and has some, as those do that a program makes up.</summary>
    private const long MaxUnannounced = 64 * 1024 * 1024;

    /// <summary>The note on a file that was a database once and does not begin like one.</summary>
    public const string LostDatabase = "was a SQLite database before";

    /// <summary>The note on a real database that SQLite could not read.</summary>
    public const string UnreadDatabase = "SQLite database that could not be read";

    private static readonly TimeSpan LeastPatience = TimeSpan.FromMilliseconds(500);

    private readonly TreeAccess access = TreeAccess.Current;
    private readonly byte[] window = new byte[WindowSize];

    /// <summary>How long locks of databases have been waited for in vain.</summary>
    private TimeSpan waited;

    /// <summary>Bytes of content so far.</summary>
    public long Bytes { get; private set; }

    /// <summary>The entry of a path with its extended attributes, but without content.</summary>
    public FileEntry Describe(string path, string absolute, FileFacts facts, TreeRoot? root) =>
        Bare(path, facts) with { Via = root?.Via ?? "", Attributes = access.Attributes(absolute, (name, why) => findings.MissAttribute(path, name, why)) };

    /// <summary>The entry of a hard link to a file that came before.</summary>
    public static FileEntry FurtherName(string path, FileFacts facts, string first) =>
        Bare(path, facts) with { Kind = EntryKind.HardLink, Target = first, Size = 0, Born = null };

    /// <summary>Takes a file with its content.</summary>
    /// <returns>Whether it was taken as a database, with all that is in its log.</returns>
    public bool Take(string path, string absolute, FileFacts facts, TreeRoot? root)
    {
        if (parent?.Unchanged(path, facts) is { } same)
        {
            // A change of the attributes changes the time that no program can set, so they are the same too.
            var entry = parent.KnowsAttributes ? Bare(path, facts) with { Via = root?.Via ?? "", Attributes = same.Attributes } : Describe(path, absolute, facts, root);
            listing.Add(new PendingEntry(entry with { Extents = same.Extents, Size = same.Size }));
            Advance(facts.Size);
            return false;
        }

        var wasDatabase = parent?.WasDatabase(path) ?? false;
        for (var attempt = 1; ; attempt++)
        {
            var pending = new PendingEntry(Describe(path, absolute, facts, root));
            using var file = access.OpenRead(absolute);
            if (IsDatabase(file))
            {
                // Closed first: on POSIX a later close would drop the locks of the connection that is opened now.
                file.Dispose();
                return TakeDatabase(pending.Entry, absolute);
            }

            var length = Read(pending, file, facts);
            var after = access.Facts(absolute);
            var steady = after is { } a && a.Size == facts.Size && a.Modified == facts.Modified && a.Changed == facts.Changed;
            if (!steady && attempt < Attempts && after is { Kind: EntryKind.File } again)
            {
                facts = again;
                continue;
            }

            if (wasDatabase)
            {
                findings.Miss(path, "was a SQLite database in an earlier snapshot and does not begin like one now. It was taken as it is. If it is damaged, restore it. If it is meant to be something else, leave it out of one backup with -Exclude; the next one takes it as what it is then.");
            }

            if (!steady)
            {
                findings.Warn($"'{PathCodec.Display(path)}' changed while it was read, {Attempts} times; it was taken as it was last.");
            }

            Add(pending, length, wasDatabase ? LostDatabase : steady ? "" : "changed while it was read");
            return false;
        }
    }

    private static bool IsDatabase(SafeFileHandle file)
    {
        Span<byte> magic = stackalloc byte[16];
        return RandomAccess.Read(file, magic, 0) == magic.Length && magic.SequenceEqual("SQLite format 3\0"u8);
    }

    /// <summary>
    /// The name by which a database is in use: of several hard links the one that a log lies beside, where that is in the same
    /// folder; else the given one.
    /// </summary>
    private string NameInUse(string absolute)
    {
        if (access.Facts(absolute) is not { Links: > 1, Inode: > 0 } facts || access.Facts(absolute + "-shm") is not null)
        {
            return absolute;
        }

        var folder = Path.GetDirectoryName(absolute)!;
        return access.Names(folder)
            .Where(n => n.EndsWith("-shm", StringComparison.Ordinal))
            .Select(n => TreeAccess.Join(folder, n[..^"-shm".Length]))
            .FirstOrDefault(n => access.Facts(n) is { } other && (other.Device, other.Inode) == (facts.Device, facts.Inode)) ?? absolute;
    }

    /// <summary>
    /// A live SQLite database inside a tree is read in one transaction, with what is in its log; byte by byte it could
    /// come out torn. False where it had to be taken byte by byte.
    /// </summary>
    private bool TakeDatabase(FileEntry entry, string absolute)
    {
        // Without an inode no later backup takes it for unchanged: its log can change while the file does not.
        entry = entry with { Inode = 0 };
        var watch = Stopwatch.StartNew();
        try
        {
            var (pending, found) = new TreeDatabase(listing, window, sink).Read(NameInUse(absolute), entry, LockPatience(), cancellation);
            Tell(entry.Path, found);
            pending.Entry = pending.Entry with { Content = ContentKind.SqliteDatabase };
            Add(pending, pending.Entry.Size, FileBackup.DatabaseNote);
            return true;
        }
        catch (Exception e) when (e is MaintenanceException or Microsoft.Data.Sqlite.SqliteException)
        {
            if (e is MaintenanceException { Code: ErrorCode.DatabaseBusy })
            {
                waited += watch.Elapsed;
            }

            TakeBytes(entry, absolute, e);
            return false;
        }
    }

    /// <summary>The databases of a tree share the time for which locks are waited: an application that is at work may hold many.</summary>
    private TimeSpan LockPatience()
    {
        var left = (options.LockTimeout ?? SqliteConnections.DefaultLockTimeout) - waited;
        return left > LeastPatience ? left : LeastPatience;
    }

    private void Tell(string path, CaptureFindings found)
    {
        var shown = PathCodec.Display(path);
        if (found.Integrity != "ok")
        {
            findings.Miss(path, $"is a SQLite database that fails its integrity check: {found.Integrity}. It was taken as it is, and a test of this snapshot will fail.");
        }

        foreach (var gap in found.Unchecked)
        {
            findings.LeaveUnchecked(path, gap);
        }

        sink.Inform($"'{shown}' is a SQLite database and was read in one transaction. Invoke-DbBackup also counts its rows.");
    }

    /// <summary>
    /// Takes the bytes of a database that SQLite did not read. Those of a file that only begins like one are whole where nothing
    /// else was at work on it. A real one that cannot be read counts as missing: it is damaged, or its bytes may be torn.
    /// </summary>
    private void TakeBytes(FileEntry entry, string absolute, Exception reason)
    {
        var before = access.Facts(absolute) ?? throw new FileNotFoundException();
        var pending = new PendingEntry(entry);
        using var file = access.OpenRead(absolute);
        var length = Read(pending, file, before);
        var isWhole = !IsPlausible(file) && access.Facts(absolute) is { } after
            && (after.Size, after.Modified, after.Changed, after.Inode) == (before.Size, before.Modified, before.Changed, before.Inode)
            && reason is not MaintenanceException { Code: ErrorCode.DatabaseBusy or ErrorCode.SourceChanged }
            && !HasLog(absolute);
        Add(pending, length, isWhole ? "SQLite database, taken byte by byte" : UnreadDatabase);
        var why = $"could not be read as the SQLite database that it looks like ({reason.Message.TrimEnd('.')})";
        if (isWhole)
        {
            findings.Warn($"'{PathCodec.Display(entry.Path)}' {why}. Its bytes were taken as they are.");
            findings.LeaveUnchecked(entry.Path, $"it {why}");
        }
        else
        {
            findings.Miss(entry.Path, $"{why}. Its bytes are in the snapshot and may be torn or damaged. If something uses it, stop that or give a longer -LockTimeout; if it is damaged, restore it.");
        }
    }

    /// <summary>
    /// Whether more of the header than its first words is a database's: the page size, and three bytes that are always the same
    /// (https://www.sqlite.org/fileformat2.html#the_database_header).
    /// </summary>
    private static bool IsPlausible(SafeFileHandle file)
    {
        const int pageSizeAt = 16, fractionsAt = 21, length = 100;
        Span<byte> header = stackalloc byte[length];
        if (RandomAccess.Read(file, header, 0) < length)
        {
            return false;
        }

        var pageSize = (header[pageSizeAt] << 8) | header[pageSizeAt + 1];
        return (pageSize == 1 || (pageSize >= 512 && BitOperations.IsPow2(pageSize))) && header[fractionsAt..].StartsWith((ReadOnlySpan<byte>)[64, 32, 32]);
    }

    private static bool HasLog(string database) =>
        new[] { database + "-wal", database + "-journal" }.Any(log => SqliteLog.FactsOf(log) is { Size: > 0 } && SqliteLog.IsOne(log));

    /// <summary>
    /// Reads a file up to the size that it says; holes are noted, not read. What is written behind that while it is read comes
    /// with the next attempt, so that a file which grows faster than it is read ends too. Returns the length that was found.
    /// </summary>
    private long Read(PendingEntry pending, SafeFileHandle file, FileFacts facts)
    {
        if (facts.Size == 0)
        {
            var length = ReadRange(pending, file, 0, MaxUnannounced);
            return length < MaxUnannounced ? length : throw new IOException($"it says that it has no content, and goes on for more than {MaxUnannounced >> 20} MiB");
        }

        // A file that takes less space than its size has holes (or a compressing file system below it).
        if (facts.Blocks < 0 || facts.Blocks * 512 >= facts.Size)
        {
            return ReadRange(pending, file, 0, facts.Size);
        }

        long at = 0;
        while (access.NextData(file, at, facts.Size) is var (start, end) && start < facts.Size)
        {
            if (start > at)
            {
                pending.AddHole(start - at);
            }

            at = ReadRange(pending, file, start, Math.Min(end, facts.Size));
            if (at < end)
            {
                return at;
            }
        }

        if (at < facts.Size)
        {
            pending.AddHole(facts.Size - at);
        }

        return facts.Size;
    }

    /// <summary>Reads a range, cuts it into chunks, and returns where it ended.</summary>
    private long ReadRange(PendingEntry pending, SafeFileHandle file, long from, long to)
    {
        var chunker = ContentChunker.Files;
        int start = 0, length = 0;
        var ended = false;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
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
                listing.AddBlock(pending, window.AsSpan(start, cut));
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

    private void Add(PendingEntry pending, long length, string note)
    {
        pending.Entry = pending.Entry with { Size = length, Note = note };
        listing.Add(pending);
        Advance(length);
    }

    private static FileEntry Bare(string path, FileFacts facts) => new()
    {
        Path = path,
        Kind = facts.Kind,
        Mode = facts.Mode,
        User = facts.User,
        Group = facts.Group,
        Modified = facts.Modified,
        Changed = facts.Changed,
        Born = facts.Born,
        Inode = facts.Inode,
        Size = facts.Kind == EntryKind.File ? facts.Size : 0,
        DeviceNumber = facts.DeviceNumber,
    };

    private void Advance(long bytes)
    {
        Bytes += bytes;
        sink.Progress($"Backing up {options.Source}", Bytes, -1);
    }
}
