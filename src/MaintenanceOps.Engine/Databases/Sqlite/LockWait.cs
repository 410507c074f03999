using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite.Upkeep;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Waits for locks of other connections so that a cancellation is heard: SQLite itself waits without an ear for anybody,
/// so the connection's own time-out is short and the attempt is repeated.
/// </summary>
internal static class LockWait
{
    /// <summary>How long a connection itself waits at one attempt, in seconds.</summary>
    public const int Turn = 1;

    /// <summary>Repeats an attempt while a lock is in the way, for <see cref="SqliteConnections.DefaultLockTimeout"/>.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DatabaseBusy"/>.</exception>
    public static T For<T>(string path, Func<T> attempt, CancellationToken cancellation)
    {
        for (var waited = Stopwatch.StartNew(); ; cancellation.WaitHandle.WaitOne(50))
        {
            cancellation.ThrowIfCancellationRequested();
            try
            {
                return attempt();
            }
            catch (SqliteException e) when (SqliteNative.IsLock(e))
            {
                if (waited.Elapsed > SqliteConnections.DefaultLockTimeout)
                {
                    throw new MaintenanceException(
                        ErrorCode.DatabaseBusy,
                        $"'{path}' was not changed: another connection has read or written it for {SqliteConnections.DefaultLockTimeout.TotalSeconds:0} s and keeps it locked.{Neighbours.Sentence(path)} Stop it and run the restore again.",
                        path,
                        e);
                }
            }
        }
    }
}
