using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>Placeholder until the engine is written.</summary>
internal abstract class PostgresUpkeep : IDatabaseUpkeep
{
    public abstract DatabaseEngine Engine { get; }

    public abstract string Place { get; }

    public static IDatabaseUpkeep Open(string place, System.Net.NetworkCredential? credential, TimeSpan? lockTimeout, IOperationSink sink) => throw new InvalidOperationException(place);

    public abstract IEnumerable<DatabaseFinding> Inspect(CancellationToken cancellation);

    public abstract IEnumerable<IntegrityResult> Check(VerificationLevel level, CancellationToken cancellation);

    public abstract IReadOnlyList<OptimizationTask> Plan(OptimizationStep step, CancellationToken cancellation);

    public abstract OptimizationResult Carry(OptimizationTask task, CancellationToken cancellation);

    public abstract void Dispose();
}
