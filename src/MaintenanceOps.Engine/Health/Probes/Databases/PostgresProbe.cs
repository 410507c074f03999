using System.Globalization;
using System.Net;
using MaintenanceOps.Engine.Databases.Postgres;
using Npgsql;

namespace MaintenanceOps.Engine.Health.Probes.Databases;

/// <summary>Connects to a PostgreSQL database and looks at what stops an application: connections, locks, long transactions, replicas that lag.</summary>
public sealed class PostgresProbe : IProbe
{
    private const double ManyConnections = 0.80;
    private const double TooManyConnections = 0.95;
    private const long LargeLagBytes = 256L << 20;

    /// <summary>What the driver takes, in seconds.</summary>
    private const int LongestConnect = 1024;

    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan LongTransaction = TimeSpan.FromMinutes(15);
    private static readonly TimeSpan LongLag = TimeSpan.FromMinutes(1);

    private readonly NpgsqlConnectionStringBuilder settings;
    private readonly DatabaseQuestion? question;

    /// <param name="connectionString">An Npgsql string or a URI.</param>
    /// <param name="credential">Who connects, where the string does not say.</param>
    /// <param name="question">What it is asked besides.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public PostgresProbe(string connectionString, NetworkCredential? credential = null, DatabaseQuestion? question = null)
    {
        settings = PostgresConnectionString.Parse(connectionString);
        settings.Username = credential?.UserName is { Length: > 0 } user ? user : settings.Username;
        settings.Password = credential?.Password is { Length: > 0 } password ? password : settings.Password;
        this.question = question;
    }

    /// <inheritdoc/>
    public string Kind => "database";

    /// <inheritdoc/>
    public string Target => PostgresPlace.Describe(settings, settings.Database ?? settings.Username);

    /// <inheritdoc/>
    public TimeSpan UsualTimeout => TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public Task<Observation> Observe(ProbeContext context) =>
        Task.Factory.StartNew(() => Look(context), context.Cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private Observation Look(ProbeContext context)
    {
        var verdict = new Verdict();
        var cancellation = context.Cancellation;
        try
        {
            using var server = PostgresServer.Connect(Settings(context.Limit));
            using var _ = cancellation.Register(server.Cancel);
            server.Execute(string.Create(CultureInfo.InvariantCulture, $"SET default_transaction_read_only = on; SET statement_timeout = {(long)context.Limit.TotalMilliseconds + 1}"));
            var state = PostgresState.Read(server);
            Judge(state, verdict);
            if (question is not null)
            {
                question.Judge(server.First(question.Sql), verdict);
            }

            return verdict.End($"{state.Connections} of {state.MaxConnections} connections");
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ServerUnavailable)
        {
            verdict.Unhealthy(e.Message);
        }
        catch (PostgresException e) when (e.SqlState.StartsWith("42", StringComparison.Ordinal) || e.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
        {
            verdict.Unknown($"the query cannot be asked: {Expectation.Shorten(e.MessageText)}");
        }
        catch (NpgsqlException e)
        {
            cancellation.ThrowIfCancellationRequested();
            verdict.Unhealthy(e is PostgresException refused ? refused.MessageText : e.Message);
        }

        return verdict.End("");
    }

    /// <summary>The look as a whole is limited; a connection that would take all of it is given up with it.</summary>
    private string Settings(TimeSpan limit) =>
        new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Timeout = (int)Math.Clamp(Math.Ceiling(limit.TotalSeconds), 1, LongestConnect) }.ConnectionString;

    private static void Judge(PostgresState state, Verdict verdict)
    {
        state.Tell(verdict);
        var used = (double)state.Connections / Math.Max(1, state.MaxConnections);
        var connections = string.Create(CultureInfo.InvariantCulture, $"{state.Connections} of {state.MaxConnections} connections are taken");
        if (used >= TooManyConnections)
        {
            verdict.Unhealthy(connections);
        }
        else if (used >= ManyConnections)
        {
            verdict.Degraded(connections);
        }

        if (state.LongestLockWait > LongWait)
        {
            verdict.Degraded($"{state.Waiting} sessions wait for a lock, one for {Duration.Format(state.LongestLockWait.Value)}");
        }

        if (state.LongestTransaction > LongTransaction)
        {
            verdict.Degraded($"a transaction has been open for {Duration.Format(state.LongestTransaction.Value)}");
        }

        if (state.IsCutOff)
        {
            verdict.Degraded("it is a replica and receives nothing from its primary");
        }

        if (state.Lag > LongLag || state.LagBytes > LargeLagBytes)
        {
            verdict.Degraded($"{(state.IsReplica ? "it" : "a replica")} lags by {(state.Lag is { } lag ? Duration.Format(lag) : "")}{(state.LagBytes is { } bytes ? $" {ByteSize.Format(bytes)}" : "")}");
        }
    }
}
