using System.Globalization;
using System.Net;
using MaintenanceOps.Engine.Databases.Postgres.Sessions;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>The connection of an upkeep: how long it waits, how it is stopped, and what the server says beside its answers.</summary>
internal sealed class UpkeepSession : IDisposable
{
    private static readonly TimeSpan Heartbeat = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan DefaultLockTimeout = TimeSpan.FromSeconds(5);
    private readonly ConnectionSettings settings;
    private string mode = "";

    private UpkeepSession(ConnectionSettings settings, TimeSpan? lockTimeout, CancellationToken cancellation)
    {
        this.settings = settings;
        LockTimeout = lockTimeout ?? DefaultLockTimeout;
        Server = PostgresServer.Connect(settings, cancellation);
        Server.Connection.Notice += (_, e) => Notices.Add(e.Notice);
    }

    public PostgresServer Server { get; }

    public TimeSpan LockTimeout { get; }

    /// <summary>What the server said since the list was last cleared: a vacuum that passes a table over says it only here.</summary>
    public List<PostgresNotice> Notices { get; } = [];

    /// <summary>How to connect, without anything secret.</summary>
    public string PublicConnectionString => settings.Public();

    public string? Password => settings.Password;

    /// <summary>Whether the connection is there; the server may have gone, or have ended it.</summary>
    public bool IsOpen => Server.Connection.State == System.Data.ConnectionState.Open;

    /// <param name="connectionString">In any of the forms of <see cref="PostgresConnectionString"/>.</param>
    /// <param name="credential">User and password, where the string has none.</param>
    /// <param name="lockTimeout">How long a lock of somebody else is waited for.</param>
    /// <param name="cancellation">Ends the attempt to connect.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static UpkeepSession Open(string connectionString, NetworkCredential? credential, TimeSpan? lockTimeout, CancellationToken cancellation = default)
    {
        if (lockTimeout is { } wait && (wait < TimeSpan.Zero || wait.TotalMilliseconds > int.MaxValue))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"A lock cannot be waited for {wait}.");
        }

        return new UpkeepSession(PostgresConnectionString.Parse(connectionString).With(credential, first: false), lockTimeout, cancellation);
    }

    /// <summary>Sets the session to look and to change nothing.</summary>
    public void ForReading(TimeSpan limit) => Set($"SET default_transaction_read_only = on; SET statement_timeout = {Milliseconds(limit)}");

    /// <summary>Sets the session to work as long as the work takes.</summary>
    public void ForWork() => Set("SET default_transaction_read_only = off; SET statement_timeout = 0");

    /// <summary>Another connection to the same database: for what must be done when this one was stopped, and to see who is in its way.</summary>
    /// <param name="lockTimeout">How long a lock of somebody else is waited for.</param>
    /// <exception cref="MaintenanceException">As <see cref="Open"/>.</exception>
    public UpkeepSession Beside(TimeSpan lockTimeout)
    {
        var other = new UpkeepSession(settings, lockTimeout, CancellationToken.None);
        try
        {
            other.ForWork();
            return other;
        }
        catch
        {
            other.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Asks, and stops asking when the token is cancelled. The request to stop goes out at once, and is repeated until it
    /// was heard: one that arrives before the statement has begun is lost.
    /// </summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NpgsqlException">The server or the driver reports something.</exception>
    public T Ask<T>(Func<PostgresServer, T> ask, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var stop = cancellation.Register(Server.Cancel);
        using var again = new Timer(_ => StopWhere(cancellation), null, Heartbeat, Heartbeat);
        try
        {
            return ask(Server);
        }
        catch (NpgsqlException) when (cancellation.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (PostgresException e) when (Survives(e))
        {
            Revive();
            throw;
        }
    }

    public void Execute(string sql, CancellationToken cancellation) => Ask(
        s =>
        {
            s.Execute(sql);
            return true;
        },
        cancellation);

    public List<T> Rows<T>(string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellation, params object[] values) =>
        Ask(s => s.Rows(sql, read, values), cancellation);

    /// <summary>Whether the session is there after it: the server ends one with a fatal error only.</summary>
    public static bool Survives(PostgresException e) => e.InvariantSeverity == "ERROR";

    public void Dispose() => Server.Dispose();

    /// <summary>The driver closes a connection on which the server told of damage, though the server would go on.</summary>
    private void Revive()
    {
        if (Server.Reopen())
        {
            Server.Execute(mode);
        }
    }

    private void StopWhere(CancellationToken cancellation)
    {
        if (cancellation.IsCancellationRequested)
        {
            Server.Cancel();
        }
    }

    private void Set(string sql)
    {
        try
        {
            // Queries over the catalog are short, and the server thinks them long: compiling them takes longer than they do.
            mode = $"{sql}; SET jit = off; SET client_min_messages = warning; SET lock_timeout = {Milliseconds(LockTimeout)}";
            Server.Reopen();
            Server.Execute(mode);
        }
        catch (NpgsqlException e)
        {
            throw Server.Wrap(e);
        }
    }

    /// <summary>No time-out at all is what zero means to the server; whoever asks for zero wants not to wait.</summary>
    private static string Milliseconds(TimeSpan span) => Math.Max(1, (long)span.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
}
