using System.Diagnostics;
using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// One consistent state of a live SQLite database, held by a read transaction and read through SQLite's own open files,
/// at the speed of memory and without a second copy. In WAL mode writers go on: the state is the database file plus the
/// log up to the reader's mark, and the mark keeps checkpoints from overwriting what it needs. In the other
/// journal modes the shared lock keeps writers out until <see cref="Dispose"/>.
/// </summary>
internal sealed class HotDatabase : IDisposable
{
    private static readonly TimeSpan LockTurn = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MtimeGrain = TimeSpan.FromSeconds(3);
    private readonly SqliteFile file;
    private readonly WriteAheadLog? log;
    private readonly Stopwatch held = Stopwatch.StartNew();
    private readonly DateTime modified;

    private HotDatabase(string path, SqliteConnection connection)
    {
        Path = path;
        Connection = connection;
        PageSize = connection.Scalar<int>("PRAGMA page_size");
        JournalMode = connection.Scalar<string>("PRAGMA journal_mode");
        connection.Execute("BEGIN");

        // BEGIN alone locks nothing; the first read does.
        _ = connection.Scalar<long>("SELECT count(*) FROM sqlite_schema");
        held.Restart();
        file = SqliteNative.MainFile(connection.Handle!);
        modified = File.GetLastWriteTimeUtc(path);
        var journal = JournalMode == "wal" ? SqliteNative.JournalFile(connection.Handle!) : default;
        log = journal.IsOpen && ReadMark.Of(connection.Handle!) is { Frames: > 0 } mark ? WriteAheadLog.Scan(journal, PageSize, mark) : null;
        Size = connection.Scalar<long>("PRAGMA page_count") * PageSize;
    }

    public string Path { get; }

    public SqliteConnection Connection { get; }

    public int PageSize { get; }

    public string JournalMode { get; }

    /// <summary>The size of the state in bytes: its pages, wherever they lie.</summary>
    public long Size { get; }

    /// <summary>How many pages come out of the log.</summary>
    public int LogFrames => log?.Frames ?? 0;

    /// <summary>For how long writers have been kept waiting so far.</summary>
    public TimeSpan WritePause => JournalMode == "wal" ? TimeSpan.Zero : held.Elapsed;

    /// <summary>
    /// The same token twice means that nothing was written in between. Empty where the last write is so recent that a
    /// file system with coarse times could hide another one.
    /// </summary>
    public string StateToken()
    {
        if (DateTime.UtcNow - modified < MtimeGrain)
        {
            return "";
        }

        Span<byte> head = stackalloc byte[100];
        file.Read(head, 0);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{JournalMode}:{Size}:{file.Size}:{modified.Ticks:x}:{Convert.ToHexStringLower(head.Slice(24, 4))}:{log?.Token ?? "-"}");
    }

    /// <summary>Takes a read transaction on the database.</summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.NotADatabase"/>, <see cref="ErrorCode.DatabaseBusy"/>, <see cref="ErrorCode.DatabaseEmpty"/>,
    /// <see cref="ErrorCode.DatabaseCorrupt"/> or <see cref="ErrorCode.AccessDenied"/>.
    /// </exception>
    /// <exception cref="OperationCanceledException">The token was cancelled while another process held a lock.</exception>
    public static HotDatabase Open(string path, TimeSpan? lockTimeout = null, CancellationToken cancellation = default)
    {
        var limit = lockTimeout ?? SqliteConnections.DefaultLockTimeout;
        for (var waited = Stopwatch.StartNew(); ;)
        {
            // SQLite waits without an ear for anybody, so it waits in short turns.
            var connection = SqliteConnections.OpenBeside(path, LockTurn);
            try
            {
                return new HotDatabase(path, connection);
            }
            catch (SqliteException e) when (SqliteNative.IsLock(e) && waited.Elapsed < limit)
            {
                connection.Dispose();
                cancellation.ThrowIfCancellationRequested();
            }
            catch (SqliteException e)
            {
                connection.Dispose();
                throw SqliteConnections.Wrap(e, path);
            }
            catch
            {
                connection.Dispose();
                throw;
            }
        }
    }

    /// <summary>Reads pages that lie side by side. The offset and the length are multiples of the page size.</summary>
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

    public void Dispose()
    {
        try
        {
            Connection.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // Closing ends the transaction as well.
        }

        Connection.Dispose();
    }
}
