using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>A connection beside the application's, whose statements end when the token is cancelled.</summary>
internal sealed class SqliteSession : IDisposable
{
    /// <summary>Waiting is done in turns (<see cref="LockTurns"/>); this is for what nobody expects to wait.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenRegistration interruption;

    private SqliteSession(SqliteConnection connection, CancellationToken cancellation)
    {
        Connection = connection;
        connection.CancelOn(cancellation);

        // A checkpoint runs no instructions that could be counted; it looks for an interruption at each page.
        interruption = cancellation.Register(() => raw.sqlite3_interrupt(connection.Handle));
    }

    public SqliteConnection Connection { get; }

    public static SqliteSession Open(string path, CancellationToken cancellation) => new(SqliteConnections.OpenBeside(path, Turn), cancellation);

    public void Dispose()
    {
        // Waits for an interruption under way: a closed connection must not be interrupted.
        interruption.Dispose();
        Connection.Dispose();
    }
}
