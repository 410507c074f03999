using System.Management.Automation;
using MaintenanceOps.Engine.Health;

namespace MaintenanceOps.Commands.Health;

/// <summary>Shows how things are in a table that is drawn anew after each round, until Ctrl+C. It writes no objects and keeps no history.</summary>
[Cmdlet(VerbsCommon.Watch, "Health", DefaultParameterSetName = HttpSet)]
[OutputType(typeof(void))]
public sealed class WatchHealthCommand : HealthCmdlet
{
    /// <summary>How long between two rounds.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Interval { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>How long one attempt may take.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? ProbeTimeout { get; set; }

    /// <summary>How many rounds; without end where it is left out.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int Count { get; set; } = int.MaxValue;

    private protected override TimeSpan? AttemptLimit => ProbeTimeout;

    private protected override void Ask(IReadOnlyList<HealthCheck> checks)
    {
        var table = new HealthTable(isLive: !Console.IsOutputRedirected);
        for (var round = 1; round <= Count; round++)
        {
            var last = round == Count;
            var results = Require(ParameterSetName, output => new HealthRun(checks, null, null, output).Run(_ => { }, output.Cancellation));
            Host.UI.Write(table.Draw(results, Host.UI.RawUI.BufferSize.Width));
            Require(ParameterSetName, output => last || output.Cancellation.WaitHandle.WaitOne(Interval));
        }
    }
}
