using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// One consistent state of a live SQLite database, held by a read transaction and read through SQLite's own open files,
/// at the speed of memory and without a second copy. In WAL mode writers go on: the state is the database file plus the
/// log up to the reader's mark, and the mark keeps checkpoints from overwriting what it needs. In the other
/// journal modes the shared lock keeps writers out until <see cref="Dispose"/>. Why that holds, and what
/// <see cref="RequireSteady"/> adds to it: docs/decisions/0006-what-a-hot-read-guarantees.md.
/// </summary>
internal sealed class HotDatabase : IDisposable
{
    private const int HeaderSize = 100;
    private static readonly TimeSpan LockTurn = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MtimeGrain = TimeSpan.FromSeconds(3);
    private readonly SqliteConnection connection;
    private readonly SourceFiles files;
    private readonly SqliteFile file;
    private readonly WriteAheadLog? log;
    private readonly bool logMayBeginAnew;
    private readonly bool isUnlocked;
    private readonly byte[] fileHeader;
    private readonly long fileSize;
    private readonly Stopwatch held = new();
    private bool closed;

    private HotDatabase(string path, SqliteConnection connection, SourceFiles before, bool isUnlocked)
    {
        Path = path;
        this.connection = connection;
        this.isUnlocked = isUnlocked;
        if (!isUnlocked)
        {
            RefuseOtherName(before);
        }

        connection.Execute("BEGIN");

        // BEGIN alone locks nothing; the first read does. This one needs no schema, so that it works with every database.
        // All that follows is asked inside the transaction: before it, another process may change the mode and the page size.
        _ = connection.Scalar<long>("PRAGMA schema_version");
        held.Start();
        files = SourceFiles.Of(path);
        if (before.Exchanged(files) is { } exchanged || SqliteNative.HasMoved(connection.Handle!))
        {
            throw Changed(path, before.Exchanged(files) ?? "the file was replaced");
        }

        PageSize = connection.Scalar<int>("PRAGMA page_size");
        file = SqliteNative.MainFile(connection.Handle!);
        fileHeader = FileHeader();
        fileSize = file.Size;
        var mark = ReadMark.Of(connection.Handle!);
        if (mark is { Frames: > 0 })
        {
            logMayBeginAnew = MayBeginAnew(mark);
            log = WriteAheadLog.Scan(SqliteNative.JournalFile(connection.Handle!), PageSize, mark);
        }

        var header = new byte[PageSize].AsSpan();
        Read(0, header);
        IsWal = header[19] == 2;
        Size = PagesOf(header, mark) * PageSize;
        if (Size == 0)
        {
            throw new MaintenanceException(ErrorCode.DatabaseEmpty, $"'{path}' is empty: a first transaction that was not finished has been rolled back. Is it the right file?", path);
        }

        RefuseCutPage();
    }

    public string Path { get; }

    public int PageSize { get; }

    /// <summary>Whether the state was read with a write-ahead log, in which writers do not wait.</summary>
    public bool IsWal { get; }

    public string JournalMode => IsWal ? "wal" : "delete";

    /// <summary>SQLite's version.</summary>
    public string EngineVersion => connection.ServerVersion;

    /// <summary>The size of the state in bytes: its pages, wherever they lie.</summary>
    public long Size { get; }

    /// <summary>How many pages come out of the log.</summary>
    public int LogFrames => log?.Frames ?? 0;

    /// <summary>For how long writers have been kept waiting; it stands still after <see cref="Dispose"/>.</summary>
    public TimeSpan WritePause => IsWal ? TimeSpan.Zero : held.Elapsed;

    /// <summary>
    /// The same token twice means that nothing was written in between. Empty where the last write is so recent that a
    /// file system with coarse times could hide another one.
    /// </summary>
    public string StateToken()
    {
        if (files.Database is not { } facts || DateTime.UtcNow - Modified(facts) < MtimeGrain)
        {
            return "";
        }

        // The inode and the change time cannot be set by a program: a file that was put here with the times of the old one differs.
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{JournalMode}:{Size}:{fileSize}:{facts.Modified.Count:x}.{facts.Changed.Count:x}.{facts.Inode:x}:{Convert.ToHexStringLower(fileHeader.AsSpan(24, 4))}:{log?.Token ?? "-"}");
    }

    /// <summary>Takes a read transaction on the database.</summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.NotADatabase"/>, <see cref="ErrorCode.DatabaseBusy"/>, <see cref="ErrorCode.DatabaseEmpty"/>,
    /// <see cref="ErrorCode.DatabaseCorrupt"/>, <see cref="ErrorCode.AccessDenied"/>, or <see cref="ErrorCode.SourceChanged"/>:
    /// the files were exchanged while they were opened.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled while another process held a lock.</exception>
    public static HotDatabase Open(string path, TimeSpan? lockTimeout = null, CancellationToken cancellation = default)
    {
        var limit = lockTimeout ?? SqliteConnections.DefaultLockTimeout;

        // With a lock SQLite would take the file for a journal that has to be rolled back, and remove it.
        var isUnlocked = SqliteLog.IsForeignJournal(DatabaseLinks.Target(path));
        for (var waited = Stopwatch.StartNew(); ;)
        {
            // SQLite waits without an ear for anybody, so it waits in short turns.
            cancellation.ThrowIfCancellationRequested();
            var before = SourceFiles.Of(path);
            var connection = isUnlocked ? SqliteConnections.OpenUnlocked(before.Target) : SqliteConnections.OpenBeside(before.Target, LockTurn);
            try
            {
                return new HotDatabase(path, connection, before, isUnlocked);
            }
            catch (SqliteException e) when (SqliteNative.IsLock(e) && waited.Elapsed < limit)
            {
                connection.Dispose();
            }
            catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.CantOpen or SqliteNative.InputOutput && !isUnlocked && before.Log is not { Size: > 0 })
            {
                // A database in WAL mode that nobody uses, in a folder where SQLite cannot make the log's index: a volume that is
                // full or mounted for reading only, or another user's folder. All of its state is in the file.
                connection.Dispose();
                isUnlocked = true;
            }
            catch (SqliteException e)
            {
                connection.Dispose();
                throw before.Exchanged(SourceFiles.Of(path)) is { } exchanged ? Changed(path, exchanged) : SqliteConnections.Wrap(e, path);
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
    }

    /// <summary>
    /// Refuses a database in WAL mode that a program has open by another name: the log with its last commits lies beside that name.
    /// Whoever has it open in WAL mode holds a lock on the file and has the log's index open, which lies beside this name or not.
    /// </summary>
    private void RefuseOtherName(SourceFiles before)
    {
        const int readVersionAt = 19, wal = 2, looks = 3;
        var file = SqliteNative.MainFile(connection.Handle!);
        for (var look = 1; before.Index is null && file.IsOpen; look++)
        {
            var header = new byte[HeaderSize];
            if (!file.Read(header, 0) || header[readVersionAt] != wal || !file.IsSharedWithOthers())
            {
                return;
            }

            if (look == looks)
            {
                throw new MaintenanceException(
                    ErrorCode.DatabaseBusy,
                    $"'{Path}' is open in another program by another name, such as a hard link or a mount of the file alone. Its write-ahead log, with the last commits in it, lies beside that name or was removed. Give the path that the program uses; for a container, mount the folder.",
                    Path);
            }

            // Its index may be about to appear.
            Thread.Sleep(20);
            before = SourceFiles.Of(Path);
        }
    }

    /// <summary>
    /// Refuses a file that ends within a page: a copy that was broken off, or a disk that was full. SQLite takes what lacks for zeros,
    /// and its check can pass.
    /// </summary>
    private void RefuseCutPage()
    {
        var (whole, rest) = Math.DivRem(fileSize, PageSize);
        if (rest != 0 && whole < Size / PageSize && !(log?.TryFind((uint)whole + 1, out _) ?? false))
        {
            throw new MaintenanceException(
                ErrorCode.DatabaseCorrupt,
                $"'{Path}' is damaged: it was cut short. It ends {rest:N0} bytes into its page {whole + 1:N0} of {Size / PageSize:N0}, each of {PageSize:N0} bytes. Restore the newest verified snapshot.",
                Path);
        }
    }

    /// <summary>Reads pages that lie side by side; several threads may. The offset and the length are multiples of the page size.</summary>
    public void Read(long offset, Span<byte> into)
    {
        file.Read(into, offset);
        if (log is not { Frames: > 0 })
        {
            return;
        }

        var first = (uint)(offset / PageSize) + 1;
        for (var i = 0; i < into.Length / PageSize; i++)
        {
            if (log.TryFind(first + (uint)i, out var frame))
            {
                _ = log.TryReadPage(frame, into.Slice(i * PageSize, PageSize));
            }
        }
    }

    /// <summary>
    /// Throws where something happened to the files since the transaction began that its locks do not allow. Once the
    /// database is closed, there is nothing more to be said.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SourceChanged"/>.</exception>
    public void RequireSteady()
    {
        if (closed)
        {
            return;
        }

        var now = SourceFiles.Of(Path);
        var changed = files.Exchanged(now)
            ?? (SqliteNative.HasMoved(connection.Handle!) ? "the file was replaced" : null)
            ?? (IsWal && !isUnlocked ? ChangedBesideTheLog() : ChangedUnderTheLock(now));
        if (changed is not null)
        {
            throw Changed(Path, changed);
        }
    }

    public void Dispose()
    {
        if (closed)
        {
            return;
        }

        closed = true;
        try
        {
            connection.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // Closing ends the transaction as well.
        }

        if (WasExchanged())
        {
            connection.KeepLog();
        }

        connection.Dispose();
        held.Stop();
    }

    private bool WasExchanged()
    {
        try
        {
            return files.Exchanged(SourceFiles.Of(Path)) is not null;
        }
        catch (MaintenanceException)
        {
            return true;
        }
    }

    /// <summary>The error of a state that did not hold.</summary>
    internal static MaintenanceException Changed(string path, string what) => new(
        ErrorCode.SourceChanged,
        $"'{path}' changed while it was read: {what}. No snapshot was taken. Let no program but SQLite write to the file, and replace it only while nothing reads it.",
        path);

    /// <summary>
    /// The shared lock keeps every writer out: not a byte may have changed. Where there is no lock, it is the same: what a writer
    /// commits into a log is not in the file, and moving it there changes the file.
    /// </summary>
    private string? ChangedUnderTheLock(SourceFiles now) =>
        !FileHeader().AsSpan().SequenceEqual(fileHeader) || file.Size != fileSize || HasOtherTime(now)
            ? "something wrote to it without heeding SQLite's locks"
            : null;

    /// <summary>Only where the platform has inodes: the others tell the time of a write late, after the file was closed.</summary>
    private bool HasOtherTime(SourceFiles now) =>
        files.Database is { Inode: not 0 } then && now.Database is { } current && then.Modified != current.Modified;

    /// <summary>A checkpoint may have moved pages of this state out of the log into the file, and nothing else.</summary>
    private string? ChangedBesideTheLog()
    {
        if (log is { Frames: > 0 } && !logMayBeginAnew && log.WasBegunAnew())
        {
            return "its write-ahead log was begun anew under a reader";
        }

        var header = FileHeader().AsSpan();
        if (!header.SequenceEqual(fileHeader) && !(log?.HasWritten(header) ?? false))
        {
            return "something wrote to it without heeding SQLite's locks";
        }

        return file.Size < Math.Min(fileSize, Size) ? "the file was cut short" : null;
    }

    /// <summary>
    /// Whether all of the log was in the database file when the transaction began: then it needs nothing of the log, and a
    /// writer may begin it anew. The number is read after the mark was taken, so it can only be too high.
    /// </summary>
    private bool MayBeginAnew(ReadMark mark)
    {
        const int SaltsAt = 32, MovedAt = 96;
        Span<byte> index = stackalloc byte[MovedAt + sizeof(uint)];
        return !file.TryReadWalIndex(index)
            || !index.Slice(SaltsAt, mark.Salts.Length).SequenceEqual(mark.Salts)
            || System.Runtime.InteropServices.MemoryMarshal.Read<uint>(index[MovedAt..]) >= mark.Frames;
    }

    private byte[] FileHeader()
    {
        var header = new byte[HeaderSize];
        file.Read(header, 0);
        return header;
    }

    /// <summary>How many pages the state has, as SQLite reckons it.</summary>
    private long PagesOf(ReadOnlySpan<byte> header, ReadMark? mark)
    {
        var recorded = BinaryPrimitives.ReadUInt32BigEndian(header[28..]);
        var isCurrent = header.Slice(24, 4).SequenceEqual(header.Slice(92, 4));
        return recorded > 0 && isCurrent ? recorded
            : mark is { Pages: > 0 } ? mark.Pages
            : (fileSize + PageSize - 1) / PageSize;
    }

    private static DateTime Modified(Files.FileFacts facts) => facts.Modified.ToDateTimeOffset().UtcDateTime;
}
