using MaintenanceOps.Engine.Databases.Postgres.Upkeep.Checks;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;
using MaintenanceOps.Engine.Databases.Upkeep;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>A database of a PostgreSQL server that is looked at, checked and kept in shape beside its application.</summary>
internal sealed class PostgresUpkeep : IDatabaseUpkeep
{
    private readonly UpkeepSession session;
    private readonly IOperationSink sink;
    private readonly UpkeepLimits limits;

    /// <summary>What is remembered from look to look; null where nothing is.</summary>
    private readonly DatabaseHistory? history;

    private PostgresUpkeep(UpkeepSession session, IOperationSink sink, DatabaseHistory? history, UpkeepLimits limits)
    {
        this.history = history;
        this.session = session;
        this.sink = sink;
        this.limits = limits;
    }

    public DatabaseEngine Engine => DatabaseEngine.Postgres;

    public string Place => session.Server.Describe();

    /// <summary>Connects.</summary>
    /// <param name="connectionString">In any of the forms of <see cref="PostgresConnectionString"/>.</param>
    /// <param name="credential">User and password, where the string has none.</param>
    /// <param name="lockTimeout">How long a lock of somebody else is waited for; five seconds where it is null.</param>
    /// <param name="sink">Where it tells what it does.</param>
    /// <param name="limits">From where on the rules speak; the usual ones where it is null.</param>
    /// <param name="history">What is remembered; null where nothing is.</param>
    /// <param name="cancellation">Ends the attempt to connect.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ServerUnavailable"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static PostgresUpkeep Open(string connectionString, System.Net.NetworkCredential? credential, TimeSpan? lockTimeout, IOperationSink sink, UpkeepLimits? limits = null, DatabaseHistory? history = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(sink);
        var session = UpkeepSession.Open(connectionString, credential, lockTimeout, cancellation);
        session.Server.Tell(sink);
        return new PostgresUpkeep(session, sink, history, limits ?? new UpkeepLimits());
    }

    /// <inheritdoc/>
    public IEnumerable<DatabaseFinding> Inspect(CancellationToken cancellation) => new PostgresInspection(session, limits, history).Run(cancellation);

    /// <inheritdoc/>
    public IEnumerable<IntegrityResult> Check(VerificationLevel level, CancellationToken cancellation) => new PostgresIntegrity(session, sink).Run(level, cancellation);

    /// <inheritdoc/>
    public IReadOnlyList<OptimizationTask> Plan(OptimizationStep step, CancellationToken cancellation)
    {
        var work = StepFor(step, cancellation);
        session.ForReading(limits.Inspection);
        try
        {
            return work.Plan(cancellation);
        }
        catch (NpgsqlException e)
        {
            throw session.Server.Wrap(e);
        }
    }

    /// <inheritdoc/>
    /// <remarks>Nothing keeps anybody waiting but VACUUM FULL, which no finding asks for.</remarks>
    public string? Intrusion(OptimizationTask task) => null;

    /// <inheritdoc/>
    public OptimizationResult Carry(OptimizationTask task, CancellationToken limited, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(task);
        var work = StepFor(task.Step, cancellation);
        session.ForWork();
        return new TaskRun(session, task).Run(work.Do, limited);
    }

    public void Dispose() => session.Dispose();

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    private IUpkeepStep StepFor(OptimizationStep step, CancellationToken cancellation) => step switch
    {
        OptimizationStep.Vacuum => new VacuumStep(session),
        OptimizationStep.Analyze => new AnalyzeStep(session),
        OptimizationStep.Reindex => new ReindexStep(session, limits, sink, cancellation),
        OptimizationStep.VacuumFull => new FullVacuumStep(session, limits, sink),
        _ => throw new MaintenanceException(ErrorCode.InvalidArgument, $"PostgreSQL has no step {step}: it has Vacuum, Analyze, Reindex and VacuumFull. Its checkpoints and free pages it sees to itself.", Place),
    };
}
