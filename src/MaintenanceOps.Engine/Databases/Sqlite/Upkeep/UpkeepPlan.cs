using MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;
using MaintenanceOps.Engine.Databases.Upkeep;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>What a step means for a database as it is now, and whether it pays.</summary>
internal static class UpkeepPlan
{
    /// <summary>The tasks of a step, those that do not pay among them.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: SQLite has no such step.</exception>
    public static IReadOnlyList<OptimizationTask> Of(OptimizationStep step, SqliteConnection connection, DatabaseFile file, CancellationToken cancellation) => step switch
    {
        OptimizationStep.Checkpoint => [Checkpoint(file)],
        OptimizationStep.Analyze => Analyze(connection, cancellation),
        OptimizationStep.Vacuum => [Vacuum(file)],
        OptimizationStep.Incremental => [Incremental(file)],
        OptimizationStep.Reindex => Reindex(connection, file, cancellation),
        _ => throw new MaintenanceException(ErrorCode.InvalidArgument, $"SQLite has no step {step}. It has Checkpoint, Analyze, Vacuum (which rewrites the whole file), Incremental and Reindex.", file.Path),
    };

    private static OptimizationTask Checkpoint(DatabaseFile file) => new()
    {
        Step = OptimizationStep.Checkpoint,
        Sql = "PRAGMA wal_checkpoint(TRUNCATE)",
        Gain = file.LogLength,
        EstimatedTime = UpkeepCost.Checkpoint(file),
        NotWorth = !file.IsWal ? $"There is no write-ahead log: journal_mode is {file.JournalMode}." : file.LogLength == 0 ? "The write-ahead log is empty." : "",
    };

    private static IReadOnlyList<OptimizationTask> Analyze(SqliteConnection connection, CancellationToken cancellation)
    {
        var tables = Schema.Tables(connection, cancellation);
        var statistics = Statistics.Read(connection);
        var stale = StatisticsRules.Stale(connection, tables, statistics, cancellation);
        return stale.Count == 0
            ? [AnalyzeTask.Everything(tables.Count) with { NotWorth = "The statistics fit the tables." }]
            : statistics.Exist ? [.. stale.Select(s => AnalyzeTask.Of(s.Table))] : [AnalyzeTask.Everything(stale.Count)];
    }

    private static OptimizationTask Vacuum(DatabaseFile file) => new()
    {
        Step = OptimizationStep.Vacuum,
        Sql = "VACUUM",
        Gain = file.FreeBytes,
        EstimatedTime = UpkeepCost.Vacuum(file),
        EstimatedSpace = file.VacuumSpace,
        NotWorth = !SpaceRules.IsWorthwhile(file)
            ? $"{ByteSize.Format(file.FreeBytes)} of {ByteSize.Format(file.Size)} are free; a rewrite pays from {SpaceRules.WorthShare * 100:0} % and {ByteSize.Format(SpaceRules.WorthBytes)} on."
            : file.IsIncremental ? "auto_vacuum is incremental: the step Incremental gives the free pages back without a rewrite." : "",
    };

    private static OptimizationTask Incremental(DatabaseFile file) => new()
    {
        Step = OptimizationStep.Incremental,
        Sql = "PRAGMA incremental_vacuum",
        Gain = file.IsIncremental ? file.FreeBytes : 0,
        EstimatedTime = UpkeepCost.Incremental(file),
        NotWorth = !file.IsIncremental
            ? "auto_vacuum is not incremental. 'PRAGMA auto_vacuum = 2; VACUUM' on one connection sets it."
            : file.FreePages == 0 ? "No page is free." : "",
    };

    /// <summary>One task an index, so that writers get their turn in between and a time limit can end it between two.</summary>
    private static List<OptimizationTask> Reindex(SqliteConnection connection, DatabaseFile file, CancellationToken cancellation)
    {
        var tables = Schema.Tables(connection, cancellation);
        var indexes = tables.SelectMany(t => t.Indexes).Where(i => !i.IsTable).ToList();
        return indexes.ConvertAll(i => new OptimizationTask
        {
            Step = OptimizationStep.Reindex,
            Object = i.Name,
            Sql = $"REINDEX {SqliteConnections.Quote(i.Name)}",
            EstimatedTime = UpkeepCost.Reindex(file, tables.Count),
            NotWorth = "SQLite's indexes do not wear out. A rebuild mends missing index rows, which a full check finds, and follows a changed collation.",
        });
    }
}
