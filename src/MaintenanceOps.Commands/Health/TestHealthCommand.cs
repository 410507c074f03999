using System.Management.Automation;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Modes;

namespace MaintenanceOps.Commands.Health;

/// <summary>Asks how things are, all at once, and tells each answer as it comes.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Health", DefaultParameterSetName = HttpSet)]
[OutputType(typeof(HealthResult))]
[OutputType(typeof(bool))]
public sealed class TestHealthCommand : HealthCmdlet
{
    /// <summary>How long one attempt may take.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? Timeout { get; set; }

    /// <summary>How often a look that is not well is repeated before it is believed.</summary>
    [Parameter]
    [ValidateRange(0, 10)]
    public int Retry { get; set; } = 1;

    /// <summary>So many bad looks in a row, across runs, make the confirmed state bad.</summary>
    [Parameter]
    [ValidateRange(1, 20)]
    public int FailAfter { get; set; } = 1;

    /// <summary>So many good looks in a row make it good again.</summary>
    [Parameter]
    [ValidateRange(1, 20)]
    public int RecoverAfter { get; set; } = 1;

    /// <summary>The flag file of maintenance mode, where no plan names it: results say whether it is on.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FlagPath { get; set; }

    /// <summary>The folder where streaks are kept from run to run.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? HistoryPath { get; set; }

    /// <summary>Keeps nothing: no streak, no uptime, no forecast.</summary>
    [Parameter]
    public SwitchParameter NoHistory { get; set; }

    /// <summary>Writes a Boolean instead: whether nothing is unhealthy or unknown.</summary>
    [Parameter]
    public SwitchParameter Quiet { get; set; }

    private protected override TimeSpan? AttemptLimit => Timeout;

    private protected override HealthCheck Dress(HealthCheck check) => check with
    {
        Retries = IsGiven(nameof(Retry)) ? Retry : check.Retries,
        FailAfter = IsGiven(nameof(FailAfter)) ? FailAfter : check.FailAfter,
        RecoverAfter = IsGiven(nameof(RecoverAfter)) ? RecoverAfter : check.RecoverAfter,
    };

    private protected override void Ask(IReadOnlyList<HealthCheck> checks)
    {
        var history = NoHistory ? null : HistoryPath is null ? StateFolder.For("health") : ProviderPaths.Full(this, HistoryPath);
        var flag = FlagPath is null ? LoadedPlan?.MaintenanceFlag : ProviderPaths.Full(this, FlagPath);
        IReadOnlyList<HealthResult> results = [];
        var asked = Run(ParameterSetName == PlanSet ? Plan : null, output =>
        {
            var run = new HealthRun(checks, history, flag is null ? null : () => new MaintenanceSwitch(flag, output).Get(output.Cancellation).Enabled, output);
            results = run.Run(result => { if (!Quiet) { output.Write(result); } }, output.Cancellation);
        });
        if (Quiet)
        {
            WriteObject(asked && !NotAsked && HealthJudgement.AreUp(results, Strict));
        }
    }
}
