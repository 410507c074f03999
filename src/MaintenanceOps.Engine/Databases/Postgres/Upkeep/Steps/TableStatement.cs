using MaintenanceOps.Engine.Databases.Upkeep;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>A statement on one table that runs beside the application and waits for nobody longer than the lock time-out.</summary>
internal static class TableStatement
{
    public static StepOutcome Execute(UpkeepSession session, OptimizationTask task, CancellationToken cancellation)
    {
        try
        {
            session.Execute(task.Sql, cancellation);
            return Refusal(session) is { } words ? StepOutcome.Failed(words) : StepOutcome.Done;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            return StepOutcome.Blocked(session.LockTimeout, LockHolders.Describe(session, task.Object, LockHolders.AgainstUpkeep, cancellation));
        }
    }

    /// <summary>
    /// Whoever may not vacuum a table gets a warning and success. The warning's text is in the server's language; the name
    /// of the routine that gave it is not.
    /// </summary>
    public static string? Refusal(UpkeepSession session) =>
        session.Notices.Find(n => n.Routine?.StartsWith("vacuum_is_", StringComparison.Ordinal) == true)?.MessageText;
}
