using System.Diagnostics;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// Waits for other connections' locks in short turns. SQLite waits without an ear for a cancellation, and while it waits
/// for readers it may keep writers out.
/// </summary>
internal sealed class LockTurns(TimeSpan limit, CancellationToken cancellation)
{
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>The bits of a result that say what, without the why.</summary>
    private const int PrimaryCode = 0xff;

    private readonly Stopwatch waited = Stopwatch.StartNew();

    /// <summary>Runs a statement to its end, again and again while a lock is in its way and the time-out is not over.</summary>
    /// <exception cref="SqliteException">The lock stayed, or something else failed.</exception>
    /// <exception cref="OperationCanceledException">Cancelled while it waited or ran.</exception>
    public void Run(SqliteConnection connection, string sql)
    {
        _ = raw.sqlite3_busy_timeout(connection.Handle, (int)Turn.TotalMilliseconds);
        int result;
        string message;
        do
        {
            cancellation.ThrowIfCancellationRequested();

            // The raw call runs a statement that gives rows, such as incremental_vacuum, to its end.
            result = raw.sqlite3_exec(connection.Handle, sql) & PrimaryCode;
            message = raw.sqlite3_errmsg(connection.Handle).utf8_to_string();
            if (result != SqliteNative.Ok && raw.sqlite3_get_autocommit(connection.Handle) == 0)
            {
                // The next turn begins from nothing.
                _ = raw.sqlite3_exec(connection.Handle, "ROLLBACK");
            }
        }
        while (result is SqliteNative.Busy or SqliteNative.Locked && Again());

        if (result != SqliteNative.Ok)
        {
            throw new SqliteException($"{message}.", result);
        }
    }

    /// <summary>Asks within one read transaction, so that no writer comes in between.</summary>
    public T Reading<T>(SqliteConnection connection, Func<T> ask)
    {
        // BEGIN alone locks nothing; the first read does.
        Run(connection, "BEGIN; SELECT count(*) FROM sqlite_schema");
        try
        {
            return ask();
        }
        finally
        {
            // Whatever it says: closing ends the transaction as well.
            _ = raw.sqlite3_exec(connection.Handle, "ROLLBACK");
        }
    }

    /// <summary>Asks until the answer is yes or the time-out is over.</summary>
    public bool Until(Func<bool> isSo)
    {
        do
        {
            cancellation.ThrowIfCancellationRequested();
            if (isSo())
            {
                return true;
            }
        }
        while (Again());

        return false;
    }

    /// <summary>Lets the others have a turn; false where the time-out is over.</summary>
    private bool Again()
    {
        if (waited.Elapsed >= limit)
        {
            return false;
        }

        cancellation.WaitHandle.WaitOne(Pause);
        return true;
    }
}
