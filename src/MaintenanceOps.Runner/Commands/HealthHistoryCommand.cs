using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Health.History;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class HealthHistoryCommand : RunnerCommand
{
    private static readonly Argument<string[]> Names = new("name") { Description = "Which checks; * and ? stand for any characters. All where none is named.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<TimeSpan?> Window = new("--window") { Description = "How far back. [default: 1h, 1d, 7d and 30d]", HelpName = "duration", CustomParser = Values.Duration };

    public HealthHistoryCommand()
        : base("history", "Tell uptime, latency and streaks in windows of time.", "mops health history", "mops health history 'notes/*' --window 7d --json") =>
        Use(Names, Window, HealthOptions.HistoryPath);

    protected override ExitCode Execute(RunnerContext context)
    {
        var windows = context.Get(Window) is { } window ? [window] : HealthSummary.DefaultWindows;
        context.Output.Table(HealthSummary.Of(context.Get(HealthOptions.HistoryPath) ?? StateFolder.For("health"), context.Get(Names)!, windows, DateTimeOffset.UtcNow), Tables.HealthHistories);
        return ExitCode.Done;
    }
}
