using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Rewrites tables without their air. Everybody is kept out meanwhile, so it is done only when it is named.</summary>
internal sealed class FullVacuumStep(UpkeepSession session, UpkeepLimits limits, IOperationSink sink) : IUpkeepStep
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>By the pages that the last vacuum saw: a size of its own would wait for each table's lock.</summary>
    private const string WholeSql = """
        SELECT c.oid::bigint, (c.relpages::bigint + coalesce(t.relpages, 0) + coalesce((SELECT sum(x.relpages) FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid WHERE i.indrelid = c.oid), 0))::bigint * current_setting('block_size')::bigint
        FROM pg_class c LEFT JOIN pg_class t ON t.oid = c.reltoastrelid WHERE c.relkind IN ('r', 'm')
        """;

    public IReadOnlyList<OptimizationTask> Plan(CancellationToken cancellation)
    {
        var whole = session.Rows(WholeSql, r => (Id: (uint)r.GetInt64(0), Size: r.GetInt64(1)), cancellation).ToDictionary(t => t.Id, t => t.Size);
        return Plan(whole, cancellation);
    }

    private IReadOnlyList<OptimizationTask> Plan(Dictionary<uint, long> whole, CancellationToken cancellation) =>
    [
        .. from t in Bloat.OfTables(session, limits, 0, cancellation)
           select new OptimizationTask
           {
               Step = OptimizationStep.VacuumFull,
               Object = t.Name,
               Sql = $"VACUUM (FULL, SKIP_LOCKED) {t.Name}",
               Gain = t.Gain ?? 0,

               // It writes the indexes and what is stored out of line anew too.
               EstimatedTime = Throughput.Rewrite(whole.GetValueOrDefault(t.Id, t.Size)),
               EstimatedSpace = whole.GetValueOrDefault(t.Id, t.Size) - (t.Gain ?? 0),
               NotWorth = t.Pays(limits) ? "" : WhyNot(t),
           },
    ];

    /// <summary>
    /// Takes the lock only where it is free at once. To queue for it would keep everybody waiting who comes later, behind
    /// the one reader who holds it.
    /// </summary>
    public StepOutcome Do(OptimizationTask task, CancellationToken cancellation)
    {
        if (DiskRoom.Lacks(session, task, sink, cancellation) is { } reason)
        {
            return StepOutcome.Skipped(reason);
        }

        var clock = Stopwatch.StartNew();
        while (true)
        {
            session.Notices.Clear();
            session.Execute(task.Sql, cancellation);
            if (!session.Notices.Exists(n => n.SqlState == Npgsql.PostgresErrorCodes.LockNotAvailable))
            {
                return TableStatement.Refusal(session) is { } words ? StepOutcome.Failed(words) : StepOutcome.Done;
            }

            if (clock.Elapsed >= session.LockTimeout)
            {
                return StepOutcome.Blocked(session.LockTimeout, LockHolders.Describe(session, task.Object, LockHolders.All, cancellation));
            }

            cancellation.WaitHandle.WaitOne(Pause);
        }
    }

    private string WhyNot(Bloat table) => table switch
    {
        { Known: false } => "Nobody knows how much of it is air: ANALYZE it first.",
        _ when table.Size < limits.BloatSize => $"It has only {ByteSize.Format(table.Size)}.",
        _ => FormattableString.Invariant($"{table.Ratio:P0} of it are air."),
    };
}
