using System.Globalization;
using System.Net;
using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Sessions;
using Npgsql;

namespace MaintenanceOps.Engine.Health.Probes.Databases;

/// <summary>Connects to a PostgreSQL database and looks at what stops an application: connections, locks, long transactions, replicas that lag.</summary>
public sealed class PostgresProbe : IProbe
{
    private const double ManyConnections = 0.80;
    private const double TooManyConnections = 0.95;

    /// <summary>A burst of writes may leave more than the settings ask for until the next checkpoint.</summary>
    private const int UsualWal = 2;

    private readonly ConnectionSettings settings;
    private readonly DatabaseQuestion? question;
    private readonly DatabaseLimits limits;

    /// <param name="connectionString">As docs/postgresql.md lists: a URI, or keywords of the client library or the driver.</param>
    /// <param name="credential">Who connects; it goes before what the string says.</param>
    /// <param name="question">What it is asked besides.</param>
    /// <param name="limits">What it may come to.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public PostgresProbe(string connectionString, NetworkCredential? credential = null, DatabaseQuestion? question = null, DatabaseLimits? limits = null)
    {
        settings = PostgresConnectionString.Parse(connectionString).With(credential, first: true);
        this.question = question;
        this.limits = limits ?? new DatabaseLimits();
    }

    /// <inheritdoc/>
    public string Kind => "database";

    /// <inheritdoc/>
    public string Target => PostgresPlace.Describe(settings, settings.Database);

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
            // The look as a whole is limited; a connection that would take all of it is given up with it.
            using var server = PostgresServer.Look(settings.WithConnectTimeout(context.Limit), cancellation);
            server.Execute(string.Create(CultureInfo.InvariantCulture, $"SET LOCAL default_transaction_read_only = on; SET LOCAL statement_timeout = {(long)context.Limit.TotalMilliseconds + 1}"));
            var state = PostgresState.Read(server);
            Judge(state, verdict);
            if (question is not null)
            {
                server.ForUserSql();
                question.Judge(server.FirstOfEach(question.Sql), verdict);
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

    private void Judge(PostgresState state, Verdict verdict)
    {
        state.Tell(verdict);
        JudgeConnections(state, verdict);
        JudgeSessions(state, verdict);
        JudgeReplication(state, verdict);
        JudgeSizes(state, verdict);
        if (!state.SeesAll)
        {
            // All that is hidden could make it degraded, and nothing worse.
            verdict.Degraded($"this role does not see sessions of others, replicas and the size of the log: GRANT pg_monitor TO {state.Role}");
        }
    }

    private static void JudgeConnections(PostgresState state, Verdict verdict)
    {
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
    }

    private void JudgeSessions(PostgresState state, Verdict verdict)
    {
        if (state.LongestLockWait > limits.MaxLockWait)
        {
            verdict.Degraded($"{state.Waiting} sessions wait for a lock, one for {Duration.Format(state.LongestLockWait.Value)}");
        }

        if (state.LongestTransaction > limits.MaxTransaction)
        {
            verdict.Degraded($"a transaction has been open for {Duration.Format(state.LongestTransaction.Value)}");
        }
    }

    private void JudgeReplication(PostgresState state, Verdict verdict)
    {
        if (state.IsCutOff)
        {
            verdict.Degraded("it is a replica and receives nothing from its primary");
        }

        if (state.Lag > limits.MaxLag || state.LagBytes > limits.MaxLagSize)
        {
            verdict.Degraded($"{(state.IsReplica ? "it" : "a replica")} lags by {(state.Lag is { } lag ? Duration.Format(lag) : "")}{(state.LagBytes is { } bytes ? $" {ByteSize.Format(bytes)}" : "")}");
        }
    }

    private void JudgeSizes(PostgresState state, Verdict verdict)
    {
        if (state.WalSize > (limits.MaxWal ?? UsualWal * state.WalWanted))
        {
            verdict.Degraded($"its log holds {ByteSize.Format(state.WalSize.Value)}, and its settings ask for {ByteSize.Format(state.WalWanted)}: a replication slot or an archive that fails may keep it");
        }

        if (state.Size > limits.MaxSize)
        {
            verdict.Degraded($"it has {ByteSize.Format(state.Size)}, more than {ByteSize.Format(limits.MaxSize.Value)}");
        }

        if (limits.MaxStatisticsAge is { } oldest && (state.NeverAnalyzed > 0 || state.StatisticsAge > oldest))
        {
            verdict.Degraded(state.NeverAnalyzed > 0 ? $"{state.NeverAnalyzed} tables with rows have no statistics" : $"a table's statistics are {Duration.Format(state.StatisticsAge!.Value)} old");
        }
    }
}
