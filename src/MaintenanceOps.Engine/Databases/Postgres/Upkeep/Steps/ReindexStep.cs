using MaintenanceOps.Engine.Databases.Upkeep;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep.Steps;

/// <summary>Rebuilds indexes beside the application, and drops what failed rebuilds left.</summary>
/// <param name="session">Where it works.</param>
/// <param name="limits">From where on a rebuild pays.</param>
/// <param name="sink">Hears of what could not be dropped.</param>
/// <param name="caller">The caller's own token: after a time limit the usual patience goes for tidying up.</param>
internal sealed class ReindexStep(UpkeepSession session, UpkeepLimits limits, IOperationSink sink, CancellationToken caller) : IUpkeepStep
{
    /// <summary>Whoever cancels wants an end within a second, whatever locks may be waited for otherwise.</summary>
    private static readonly TimeSpan PatienceOfCancelled = TimeSpan.FromMilliseconds(500);

    private const string TableSql = """
        SELECT format('%I.%I', n.nspname, t.relname) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_namespace n ON n.oid = t.relnamespace
        WHERE i.indexrelid = to_regclass($1)
        """;

    public IReadOnlyList<OptimizationTask> Plan(CancellationToken cancellation) =>
    [
        .. from i in InvalidIndex.Read(session, cancellation)
           select Task(i.Name, i.Cure) with
           {
               Gain = i.IsLeftover ? i.Size : 0,
               EstimatedTime = i.IsLeftover ? TimeSpan.FromSeconds(0.1) : Throughput.Reindex(i.Size),
               EstimatedSpace = i.IsLeftover ? 0 : i.Size,
           },
        .. from i in Bloat.OfIndexes(session, limits, 0, cancellation)
           select Task(i.Name, $"REINDEX INDEX CONCURRENTLY {i.Name}") with
           {
               Gain = i.Gain ?? 0,
               EstimatedTime = Throughput.Reindex(i.Size),
               EstimatedSpace = i.Size - (i.Gain ?? 0),
               NotWorth = i.Pays(limits) ? "" : WhyNot(i),
           },
    ];

    public StepOutcome Do(OptimizationTask task, CancellationToken cancellation)
    {
        if (session.Rows(TableSql, r => r.GetString(0), cancellation, task.Object) is not [var table])
        {
            return StepOutcome.Skipped("It is no longer there.");
        }

        if (DiskRoom.Lacks(session, task, sink, cancellation) is { } reason)
        {
            return StepOutcome.Skipped(reason);
        }

        if (LockHolders.WaitForTransactions(session, table, cancellation) is { } holders)
        {
            return StepOutcome.Blocked(session.LockTimeout, holders);
        }

        return Rebuild(task, table, cancellation);
    }

    private StepOutcome Rebuild(OptimizationTask task, string table, CancellationToken cancellation)
    {
        var before = Leftovers(session, table);
        try
        {
            session.Execute(task.Sql, cancellation);
            return StepOutcome.Done;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.LockNotAvailable)
        {
            var holders = LockHolders.Describe(session, table, LockHolders.All, CancellationToken.None);
            return StepOutcome.Blocked(session.LockTimeout, holders + CleanUp(table, before, session.LockTimeout));
        }
        catch (NpgsqlException e)
        {
            return StepOutcome.Failed($"{TaskRun.Words(e)}{CleanUp(table, before, session.LockTimeout)}");
        }
        catch (OperationCanceledException)
        {
            CleanUp(table, before, caller.IsCancellationRequested ? PatienceOfCancelled : session.LockTimeout);
            throw;
        }
    }

    /// <summary>Drops the copies that were not there before; on a connection of its own, since a late request to stop would hit this one.</summary>
    /// <returns>What could not be dropped, in words; empty where nothing is left.</returns>
    private string CleanUp(string table, HashSet<string> before, TimeSpan patience)
    {
        try
        {
            using var beside = session.Beside(patience);
            foreach (var index in Leftovers(beside, table).Except(before))
            {
                beside.Execute($"DROP INDEX CONCURRENTLY IF EXISTS {index}", CancellationToken.None);
            }

            return "";
        }
        catch (Exception e) when (e is NpgsqlException or MaintenanceException)
        {
            var words = $"A copy of an index of {table} is left and invalid, which the next Reindex drops: {(e as PostgresException)?.MessageText ?? e.Message}";
            sink.Warn(words);
            return " " + words;
        }
    }

    private static HashSet<string> Leftovers(UpkeepSession session, string table) =>
        [.. InvalidIndex.Read(session, CancellationToken.None).Where(i => i.Table == table && i.IsLeftover).Select(i => i.Name)];

    private string WhyNot(Bloat index) => index switch
    {
        { Method: not "btree" } => $"Nobody knows how much of an index of the kind {index.Method} is air.",
        { Known: false } => "Nobody knows how much of it is air: ANALYZE its table first.",
        _ when index.Size < limits.BloatSize => $"It has only {ByteSize.Format(index.Size)}.",
        _ => FormattableString.Invariant($"{index.Ratio:P0} of it are air; an index that grows at random places has 22 %."),
    };

    private static OptimizationTask Task(string name, string sql) => new() { Step = OptimizationStep.Reindex, Object = name, Sql = sql };
}
