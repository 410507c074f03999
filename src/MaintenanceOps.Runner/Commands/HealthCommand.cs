using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

/// <summary>Asks how things are: all checks at once, each told as it comes where the output is for programs.</summary>
internal sealed class HealthCommand : RunnerCommand
{
    private static readonly Option<int?> Retry = new("--retry") { Description = "How often a look that is not well is repeated. [default: 1]", HelpName = "count" };
    private static readonly Option<int?> FailAfter = new("--fail-after") { Description = "So many bad looks in a row, across runs, make the confirmed state bad. [default: 1]", HelpName = "count" };
    private static readonly Option<int?> RecoverAfter = new("--recover-after") { Description = "So many good looks in a row make it good again. [default: 1]", HelpName = "count" };
    private static readonly Option<TimeSpan?> Timeout = new("--timeout") { Description = "How long one attempt may take. [default: 5s; a command 30s, a backup 1m]", HelpName = "duration", CustomParser = Values.Duration };
    private static readonly Option<string> Flag = new("--flag-path") { Description = "The flag file of maintenance mode, where no plan names it.", HelpName = "path" };
    private static readonly Option<bool> NoHistory = new("--no-history") { Description = "Keep nothing: no streak, no uptime, no forecast." };

    public HealthCommand()
        : base(
            "health",
            "Ask how things are, all at once. Exit code 3 where something is unhealthy or unknown.",
            "mops health https://notes.example/health --expect-json status=healthy",
            "mops health maintenance.yaml",
            "mops health --disk / --tls notes.example:443 --process nginx",
            "mops health --path notes.db --query 'select count(*) from notes' --expect '> 0'",
            "mops health --repository /mnt/backup/notes --source notes/main --max-age 26h")
    {
        Use([.. HealthOptions.All, Timeout, Retry, FailAfter, RecoverAfter, Flag, HealthOptions.HistoryPath, NoHistory]);
        Subcommands.Add(new HealthWaitCommand());
        Subcommands.Add(new HealthHistoryCommand());
    }

    protected override ExitCode Execute(RunnerContext context)
    {
        var (checks, plan) = HealthOptions.Checks(context, c => c with
        {
            Timeout = context.Get(Timeout) ?? c.Timeout,
            Retries = context.Get(Retry) ?? c.Retries,
            FailAfter = context.Get(FailAfter) ?? c.FailAfter,
            RecoverAfter = context.Get(RecoverAfter) ?? c.RecoverAfter,
        });
        var history = context.Get(NoHistory) ? null : context.Get(HealthOptions.HistoryPath) ?? StateFolder.For("health");
        var flag = context.Get(Flag) ?? plan?.MaintenanceFlag;
        var run = new HealthRun(checks, history, flag is null ? null : () => new MaintenanceSwitch(flag, context.Sink).Get(context.Cancellation).Enabled, context.Sink);
        var results = run.Run(context.Output.Record, context.Cancellation);
        if (!context.Output.IsJson)
        {
            // Cron mails what is written: with --quiet that is what is not well.
            context.Output.Table(results.Where(r => !context.Get(SharedOptions.Quiet) || r.Status != HealthStatus.Healthy), Tables.Health);
        }

        return HealthJudgement.AreUp(results, context.Get(HealthOptions.Strict)) ? ExitCode.Done : ExitCode.Unhealthy;
    }
}
