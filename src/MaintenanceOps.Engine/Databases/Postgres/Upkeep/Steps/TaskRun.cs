using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Upkeep;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Measures what a task did, and makes a result of whatever came of it.</summary>
internal sealed class TaskRun(UpkeepSession session, OptimizationTask task)
{
    /// <summary>The size is left out where it would wait for somebody's lock.</summary>
    private const string SizeSql = """
        SELECT to_regclass($1) IS NOT NULL,
          CASE WHEN NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.relation = to_regclass($1) AND l.mode = 'AccessExclusiveLock') THEN pg_total_relation_size(to_regclass($1)) END
        """;

    /// <summary>What the server says, with its code and details, or the driver.</summary>
    public static string Words(NpgsqlException e) => e switch
    {
        PostgresException { Detail: { Length: > 0 } detail } told => $"{told.MessageText} ({told.SqlState}): {detail}",
        PostgresException told => $"{told.MessageText} ({told.SqlState})",
        _ => e.Message,
    };

    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public OptimizationResult Run(Func<OptimizationTask, CancellationToken, StepOutcome> work, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        long? before = null;
        try
        {
            (var exists, before) = Size(cancellation);
            if (!exists)
            {
                return Result(StepOutcome.Skipped("It is no longer there."), null, null, clock.Elapsed);
            }

            session.Notices.Clear();
            var outcome = work(task, cancellation);
            if (outcome.Status == OptimizationStatus.Failed && session.IsOpen && Size(cancellation) is (false, _))
            {
                // Whatever the server made of it: a rebuild whose table goes ends in a deadlock.
                return Result(StepOutcome.Skipped($"It was dropped meanwhile: {outcome.Reason}"), before, null, clock.Elapsed);
            }

            return Result(outcome, before, outcome.Status == OptimizationStatus.Done ? Size(cancellation) switch { (false, _) => 0, var (_, size) => size } : null, clock.Elapsed);
        }
        catch (NpgsqlException e)
        {
            return Result(StepOutcome.Failed(Words(e)), before, null, clock.Elapsed);
        }
    }

    private (bool Exists, long? Size) Size(CancellationToken cancellation) =>
        session.Rows(SizeSql, r => (r.GetBoolean(0), r.IsDBNull(1) ? (long?)null : r.GetInt64(1)), cancellation, task.Object).Single();

    private OptimizationResult Result(StepOutcome outcome, long? before, long? after, TimeSpan elapsed) => new()
    {
        Engine = DatabaseEngine.Postgres,
        Database = session.Server.Describe(),
        Step = task.Step,
        Object = task.Object,
        Status = outcome.Status,
        Reason = outcome.Reason,
        Sql = task.Sql,
        SizeBefore = before,
        SizeAfter = after,
        Elapsed = elapsed,
    };
}
