using System.CommandLine;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class HealthWaitCommand : RunnerCommand
{
    private static readonly Option<TimeSpan?> Timeout = new("--timeout") { Description = "How long to wait at most. [default: 5m]", HelpName = "duration", CustomParser = Values.Duration };
    private static readonly Option<TimeSpan?> Interval = new("--interval") { Description = "How long between two rounds. [default: 2s]", HelpName = "duration", CustomParser = Values.Duration };
    private static readonly Option<TimeSpan?> ProbeTimeout = new("--probe-timeout") { Description = "How long one attempt may take.", HelpName = "duration", CustomParser = Values.Duration };

    public HealthWaitCommand()
        : base(
            "wait",
            "Wait until all is healthy. Exit code 3 where that does not come in time.",
            "mops health wait http://localhost:8000/health --timeout 2m",
            "mops health wait maintenance.yaml --name api --strict") =>
        Use([.. HealthOptions.All, Timeout, Interval, ProbeTimeout]);

    protected override ExitCode Execute(RunnerContext context)
    {
        var limit = context.Get(Timeout) ?? TimeSpan.FromMinutes(5);
        var strict = context.Get(HealthOptions.Strict);
        var (checks, _) = HealthOptions.Checks(context, c => c with { Timeout = context.Get(ProbeTimeout) ?? c.Timeout });
        var (up, results) = HealthWait.Run(checks, limit, context.Get(Interval) ?? TimeSpan.FromSeconds(2), strict, context.Sink, context.Cancellation);
        context.Output.Table(results, Tables.Health);
        return up ? ExitCode.Done : throw HealthWait.Failure(results, limit, strict);
    }
}
