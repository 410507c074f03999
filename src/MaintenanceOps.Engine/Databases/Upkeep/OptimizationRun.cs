using System.Diagnostics;

namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>
/// Does the tasks of one database in the order of what they gain for each second, within a limit. It keeps no state:
/// what was done no longer pays, so the next run begins with what is left.
/// </summary>
internal sealed class OptimizationRun(IDatabaseUpkeep database, OptimizationRequest request, IOperationSink sink)
{
    private const int MostSkipsTold = 5;

    public void Run(Action<OptimizationResult> write, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var all = Tasks(cancellation);
        Skip(all.Where(t => !IsDue(t)), write);
        var tasks = all.FindAll(IsDue);
        var covered = new HashSet<(OptimizationStep, string)>();
        for (var i = 0; i < tasks.Count; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            sink.Progress($"Optimizing {database.Place}", i, tasks.Count, "tasks");
            if (covered.Contains((tasks[i].Step, tasks[i].Object)))
            {
                continue;
            }

            var result = Carry(tasks[i], request.TimeLimit - clock.Elapsed, cancellation);
            if (result.Status == OptimizationStatus.Done)
            {
                covered.UnionWith(tasks[i].Covers.Select(o => (tasks[i].Step, o)));
            }

            write(result);
        }
    }

    /// <summary>Tells what does not pay: of a few objects each, of thousands of indexes the number and one of them.</summary>
    private void Skip(IEnumerable<OptimizationTask> tasks, Action<OptimizationResult> write)
    {
        foreach (var step in tasks.GroupBy(t => t.Step).Select(g => g.ToArray()))
        {
            foreach (var task in step.Take(step.Length > MostSkipsTold ? 1 : MostSkipsTold))
            {
                var others = step.Length > MostSkipsTold ? $" The same goes for {step.Length - 1:N0} others." : "";
                write(Untouched(task, OptimizationStatus.Skipped, task.NotWorth + others));
            }
        }
    }

    private bool IsDue(OptimizationTask task) => task.NotWorth.Length == 0 || request.Force;

    /// <summary>The statements of the tasks that fit into the limit, by their estimates.</summary>
    public IReadOnlyList<string> Preview(CancellationToken cancellation)
    {
        var room = request.TimeLimit;
        var statements = new List<string>();
        var covered = new HashSet<(OptimizationStep, string)>();
        foreach (var task in Tasks(cancellation).Where(IsDue).Where(t => (room is null || t.EstimatedTime <= room) && !covered.Contains((t.Step, t.Object))))
        {
            statements.Add(task.Sql);
            covered.UnionWith(task.Covers.Select(o => (task.Step, o)));
            room -= task.EstimatedTime;
        }

        return statements;
    }

    private List<OptimizationTask> Tasks(CancellationToken cancellation)
    {
        var findings = request.Findings.Count > 0 || request.Steps.Count > 0 ? request.Findings : [.. database.Inspect(cancellation)];
        var wanted = findings.Where(f => f.Action is not null).Select(f => (f.Action!.Value, f.Object)).ToHashSet();
        var tasks = wanted.Select(w => w.Value).Concat(request.Steps).Distinct()
            .SelectMany(s => database.Plan(s, cancellation))
            .Where(t => wanted.Count == 0 || wanted.Contains((t.Step, t.Object)));
        return [.. tasks.OrderBy(Rank).ThenByDescending(GainPerSecond).ThenBy(t => t.EstimatedTime)];
    }

    private OptimizationResult Carry(OptimizationTask task, TimeSpan? left, CancellationToken cancellation)
    {
        if (!request.Force && !request.Steps.Contains(task.Step) && database.Intrusion(task) is { } intrusion)
        {
            return Untouched(task, OptimizationStatus.Skipped, $"{intrusion} Name the step {task.Step} where that may be.");
        }

        if (left is not { } room)
        {
            return database.Carry(task, cancellation, cancellation);
        }

        if (room <= TimeSpan.Zero || task.EstimatedTime > room)
        {
            return Untouched(task, OptimizationStatus.Deferred, $"It takes about {Duration.Format(task.EstimatedTime)}, and the time limit leaves {Duration.Format(room > TimeSpan.Zero ? room : TimeSpan.Zero)}.");
        }

        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(LongTime.ForTimer(room));
        try
        {
            return database.Carry(task, limit.Token, cancellation);
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            return Untouched(task, OptimizationStatus.Deferred, "It took longer than the time limit left, and was ended.");
        }
    }

    private OptimizationResult Untouched(OptimizationTask task, OptimizationStatus status, string reason) => new()
    {
        Engine = database.Engine,
        Database = database.Place,
        Step = task.Step,
        Object = task.Object,
        Sql = task.Sql,
        Status = status,
        Reason = reason,
    };

    /// <summary>A checkpoint makes room for the others; statistics are gathered of what the others leave, and of a whole before its parts.</summary>
    private static int Rank(OptimizationTask task) => task switch
    {
        { IsUrgent: true } => 0,
        { Step: OptimizationStep.Checkpoint } => 1,
        { Step: not OptimizationStep.Analyze } => 2,
        { Covers.Count: > 0 } => 3,
        _ => 4,
    };

    private static double GainPerSecond(OptimizationTask task) => task.Gain / Math.Max(task.EstimatedTime.TotalSeconds, 0.001);
}
