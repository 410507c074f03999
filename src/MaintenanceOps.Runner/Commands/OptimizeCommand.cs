using System.CommandLine;
using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

/// <summary>Mends what a look at databases finds, or does steps.</summary>
internal sealed class OptimizeCommand : RunnerCommand
{
    private static readonly Option<OptimizationStep[]> Steps = new("--step") { Description = $"What to do: {string.Join(", ", Enum.GetNames<OptimizationStep>()).ToLowerInvariant()}. All that a look finds where it is left out.", HelpName = "step", DefaultValueFactory = _ => [], CustomParser = r => [.. r.Tokens.Select(t => Values.Word(r, t.Value, "step", Enum.GetValues<OptimizationStep>()))] };
    private static readonly Option<TimeSpan?> TimeLimit = new("--time-limit") { Description = "When to stop; what has no room left is deferred.", HelpName = "duration", CustomParser = Values.Duration };

    public OptimizeCommand()
        : base(
            "optimize",
            "Mend what a look at databases finds, what gains most for each second first; or do steps.",
            "mops optimize notes.db --time-limit 30m",
            "mops optimize notes.db --step checkpoint --step analyze",
            "mops optimize --connection-string env:DATABASE_URL --step reindex --dry-run") =>
        Use([.. DatabaseOptions.All, Steps, TimeLimit, SharedOptions.DryRun, SharedOptions.Force]);

    protected override ExitCode Execute(RunnerContext context)
    {
        var clock = Stopwatch.StartNew();
        var request = new OptimizationRequest { Steps = context.Get(Steps)!, Force = context.Get(SharedOptions.Force) };
        var results = new List<OptimizationResult>();
        foreach (var target in DatabaseOptions.Targets(context))
        {
            var limited = request with { TimeLimit = context.Get(TimeLimit) - clock.Elapsed };
            if (context.Get(SharedOptions.DryRun))
            {
                var statements = DatabaseUpkeep.Preview(target, limited, context.Sink, context.Cancellation);
                context.Output.Text(statements.Count > 0 ? [.. statements] : ["There is nothing to do."]);
                continue;
            }

            DatabaseUpkeep.Optimize(target, limited, context.Sink, result => Tell(context, results, result), context.Cancellation);
        }

        if (!context.Output.IsJson)
        {
            context.Output.Table(results.Where(r => !context.Get(SharedOptions.Quiet) || r.Status == OptimizationStatus.Failed), Tables.Optimizations);
            if (results.Count == 0 && !context.Get(SharedOptions.DryRun) && !context.Get(SharedOptions.Quiet))
            {
                context.Output.Text("There is nothing to do.");
            }
        }

        return results.Exists(r => r.Status == OptimizationStatus.Failed) ? ExitCode.Failed : ExitCode.Done;
    }

    private static void Tell(RunnerContext context, List<OptimizationResult> results, OptimizationResult result)
    {
        context.Output.Record(result);
        results.Add(result);
    }
}
