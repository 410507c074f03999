using System.Management.Automation;
using MaintenanceOps.Engine.Health;

namespace MaintenanceOps.Commands.Health;

/// <summary>Waits until everything is healthy, or until the time is over, which is an error.</summary>
[Cmdlet(VerbsLifecycle.Wait, "Health", DefaultParameterSetName = HttpSet)]
[OutputType(typeof(HealthResult))]
[OutputType(typeof(bool))]
public sealed class WaitHealthCommand : HealthCmdlet
{
    /// <summary>How long to wait at most.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Timeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>How long between two rounds.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one attempt may take.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? ProbeTimeout { get; set; }

    /// <summary>Writes a Boolean instead: whether all was healthy in time. Running out of time is then no error.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override TimeSpan? AttemptLimit => ProbeTimeout;

    private protected override void Ask(IReadOnlyList<HealthCheck> checks)
    {
        var (up, results) = Require(ParameterSetName, output => HealthWait.Run(checks, Timeout, Interval, Strict, output, output.Cancellation));
        if (Quiet)
        {
            WriteObject(up && !NotAsked);
            return;
        }

        WriteObject(results, enumerateCollection: true);
        if (!up)
        {
            WriteError(ErrorRecords.From(HealthWait.Failure(results, Timeout, Strict), null));
        }
    }
}
