using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// A connection to a database that is about to be replaced. It tells whether another connection committed since
/// <see cref="Mark"/>, and it can hold all writers out while the file is swapped, so that no commit falls in between.
/// </summary>
internal sealed class CommitWatch : IDisposable
{
    private readonly string path;
    private readonly SqliteConnection? connection;
    private long marked;

    private CommitWatch(string path, SqliteConnection? connection, long version)
    {
        this.path = path;
        this.connection = connection;
        marked = version;
    }

    /// <summary>False where SQLite cannot read the file at all: then nobody commits to it either.</summary>
    public bool IsReadable => connection is not null;

    /// <summary>Opens the connection. Closing it writes nothing and removes no file.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DatabaseBusy"/>, <see cref="ErrorCode.AccessDenied"/>, <see cref="ErrorCode.DatabaseError"/>.</exception>
    public static CommitWatch On(string path, CancellationToken cancellation)
    {
        var connection = SqliteConnections.OpenAlone(path);
        try
        {
            connection.KeepLog();
            connection.DefaultTimeout = LockWait.Turn;
            return new CommitWatch(path, connection, LockWait.For(path, () => Version(connection), cancellation));
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.NotADatabase or SqliteNative.Corrupt)
        {
            connection.Dispose();
            return new CommitWatch(path, null, 0);
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

    /// <summary>From here on <see cref="Changed"/> counts.</summary>
    public void Mark() => marked = connection is null ? 0 : Version(connection);

    /// <summary>Whether another connection committed since the mark. It can be true without need, after a recovery of the log.</summary>
    public bool Changed() => connection is not null && Version(connection) != marked;

    /// <summary>
    /// Moves the log into the database file and keeps all writers out. When it returns, the old state is the file alone,
    /// and it stays so until <see cref="Dispose"/>.
    /// </summary>
    /// <remarks>
    /// A checkpoint may move only a part, because of a reader, and a commit may follow it. The log's length tells both,
    /// once the write lock is ours: only a log that is empty then holds nothing that the file does not have.
    /// </remarks>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DatabaseBusy"/>: a reader or writer does not end.</exception>
    public void HoldWriters(CancellationToken cancellation)
    {
        if (connection is null)
        {
            return;
        }

        try
        {
            _ = LockWait.For(path, TryHold, cancellation);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.ReadOnly && LogIsEmpty)
        {
            // This user may replace the file and not write into it. The file is the whole state, and Changed tells the rest.
        }
        catch (SqliteException e) when (e.SqliteErrorCode is SqliteNative.Corrupt or SqliteNative.NotADatabase)
        {
            // Too broken to move its log: that is why it is replaced, and its files were copied with the log.
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, path);
        }
    }

    public void Dispose() => connection?.Dispose();

    private bool LogIsEmpty => connection!.Scalar<string>("PRAGMA journal_mode") != "wal" || new FileInfo(path + "-wal") is { Exists: false } or { Length: 0 };

    private bool TryHold()
    {
        connection!.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        connection!.Execute("BEGIN IMMEDIATE");
        if (LogIsEmpty)
        {
            return true;
        }

        connection!.Execute("ROLLBACK");
        throw new SqliteException("The log is not empty.", SqliteNative.Busy);
    }

    private static long Version(SqliteConnection connection) => connection.Scalar<long>("PRAGMA data_version");
}
