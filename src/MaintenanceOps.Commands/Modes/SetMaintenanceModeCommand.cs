using System.Collections;
using System.Management.Automation;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Engine.Modes.Hooks;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Commands.Modes;

/// <summary>Closes an application to its users for a while, gives it longer, or opens it; or runs work while it is closed.</summary>
[Cmdlet(VerbsCommon.Set, "MaintenanceMode", DefaultParameterSetName = SwitchSet, SupportsShouldProcess = true)]
[OutputType(typeof(MaintenanceMode), ParameterSetName = [SwitchSet, ExtendSet])]
[OutputType(typeof(PSObject), ParameterSetName = [BlockSet, PlanBlockSet])]
public sealed class SetMaintenanceModeCommand : ModeCmdlet
{
    private const string SwitchSet = "Switch";
    private const string ExtendSet = "Extend";
    private const string BlockSet = "ScriptBlock";
    private const string PlanBlockSet = "PlanScriptBlock";

    private static readonly ScriptBlock Pass = System.Management.Automation.ScriptBlock.Create("param($block, $cmdlet) & $block | ForEach-Object { $cmdlet.WriteObject($_) }");

    /// <summary>The flag file: the web server answers 503 while it exists. A plan (<c>.yaml</c>) in its place names it.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = SwitchSet)]
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = ExtendSet)]
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = BlockSet)]
    [ValidateNotNullOrEmpty]
    public string? FlagPath { get; set; }

    /// <summary>A plan whose section <c>maintenance</c> names the flag.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [Parameter(ParameterSetName = ExtendSet)]
    [Parameter(Mandatory = true, ParameterSetName = PlanBlockSet)]
    [ValidateNotNullOrEmpty]
    public string? Plan { get; set; }

    /// <summary>Takes a lease; with <c>-Enabled:$false</c> the one that was taken last is ended. A script block has it anyway.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SwitchSet)]
    [Parameter(ParameterSetName = BlockSet)]
    [Parameter(ParameterSetName = PlanBlockSet)]
    public SwitchParameter Enabled { get; set; }

    /// <summary>Gives a lease more time: so much from now on.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ExtendSet)]
    public SwitchParameter Extend { get; set; }

    /// <summary>Work to do while it is closed. The lease is renewed while it runs and always ended.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = BlockSet)]
    [Parameter(Mandatory = true, Position = 0, ParameterSetName = PlanBlockSet)]
    public ScriptBlock? ScriptBlock { get; set; }

    /// <summary>How long at most.</summary>
    [Parameter]
    [Duration]
    public TimeSpan For { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Why, for the page and the history.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [Parameter(ParameterSetName = BlockSet)]
    [Parameter(ParameterSetName = PlanBlockSet)]
    public string Reason { get; set; } = "";

    /// <summary>The lease to end or to extend; the one that was taken last where it is left out.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [Parameter(ParameterSetName = ExtendSet)]
    [ValidateNotNullOrEmpty]
    public string? LeaseId { get; set; }

    /// <summary>With <c>-Enabled:$false</c>: ends all leases.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    public SwitchParameter All { get; set; }

    /// <summary>With <c>-Enabled:$false</c>: ends it only after the plan's checks, or <c>-HealthUri</c>, are up; until then it stays closed.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    public SwitchParameter WhenHealthy { get; set; }

    /// <summary>What must be up for <c>-WhenHealthy</c>, where no plan says so.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [ValidateNotNullOrEmpty]
    public Uri[] HealthUri { get; set; } = [];

    /// <summary>How long that may take.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [Duration]
    public TimeSpan HealthTimeout { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>A line for the shell that tells people, before it closes and after it is open again; MAINTENANCE_STATE, _REASON and _UNTIL are in its environment.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Announce { get; set; }

    /// <summary>An address that tells how many are inside, such as nginx's <c>stub_status</c>: it is waited until they are few.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public Uri? DrainUri { get; set; }

    /// <summary>A line for the shell that prints how many are inside.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? DrainCommand { get; set; }

    /// <summary>A regular expression that finds the number; the first number where it is left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? DrainPattern { get; set; }

    /// <summary>Quiet enough below this.</summary>
    [Parameter]
    public double DrainBelow { get; set; } = 1;

    /// <summary>How long to wait; then it opens again, with an error.</summary>
    [Parameter]
    [Duration]
    public TimeSpan DrainTimeout { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>An Alertmanager that is silenced meanwhile.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public Uri? Alertmanager { get; set; }

    /// <summary>The labels of the alerts that are silenced.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable SilenceLabel { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        RequireSense();
        var path = Flag();
        if (!ShouldProcess(path, Act()))
        {
            return;
        }

        if (ScriptBlock is null)
        {
            var plan = LoadPlan();
            Run(path, output => output.Write(Change(Window(path, plan, output), plan, output.Cancellation)));
        }
        else
        {
            Hold(path, ScriptBlock);
        }
    }

    private protected override string? GivenFlag => FlagPath;

    private protected override string? GivenPlan => Plan;

    private void RequireSense()
    {
        var problem = Enabled && (LeaseId is not null || All) ? "-LeaseId and -All say which leases end. Give them with -Enabled:$false."
            : ScriptBlock is not null && MyInvocation.BoundParameters.ContainsKey(nameof(Enabled)) && !Enabled ? "A script block is run while it is closed. Leave -Enabled:$false out."
            : WhenHealthy && Enabled ? "-WhenHealthy says when it ends. Give it with -Enabled:$false."
            : WhenHealthy && LoadPlan() is null && HealthUri.Length == 0 ? "-WhenHealthy needs something to look at: -Plan or -HealthUri."
            : null;
        if (problem is not null)
        {
            ThrowTerminatingError(ErrorRecords.From(new MaintenanceException(ErrorCode.InvalidArgument, problem), FlagPath));
        }
    }

    private string Act() => ParameterSetName switch
    {
        BlockSet or PlanBlockSet => "Run a script block in maintenance mode",
        ExtendSet => $"End maintenance mode in {Duration.Format(For)}",
        _ when Enabled => $"Enter maintenance mode for at most {Duration.Format(For)}",
        _ => All ? "End maintenance mode" : "End a lease on maintenance mode",
    };

    private MaintenanceWindow Window(string path, PlanFile? plan, IOperationSink output)
    {
        var closes = Enabled || ScriptBlock is not null;
        var planned = plan is null ? null : closes ? MaintenancePlan.Of(plan) : Extend ? MaintenancePlan.ToExtend(plan) : MaintenancePlan.ToOpen(plan);
        return new(new MaintenanceSwitch(path, output), Hooks(planned?.Hooks ?? MaintenanceHooks.None), output, planned?.MaxDuration);
    }

    /// <summary>A parameter takes the place of what the plan says.</summary>
    private MaintenanceHooks Hooks(MaintenanceHooks planned) => planned with
    {
        Announce = Announce is null ? planned.Announce : ProgramLine.Shell(Announce),
        Drain = DrainUri is not null ? Drain.ByAddress(DrainUri, DrainPattern, DrainBelow, DrainTimeout)
            : DrainCommand is not null ? Drain.ByProgram(ProgramLine.Shell(DrainCommand), DrainPattern, DrainBelow, DrainTimeout)
            : planned.Drain,
        Alertmanager = Alertmanager is null
            ? planned.Alertmanager
            : new Alertmanager(Alertmanager, SilenceLabel.Cast<DictionaryEntry>().ToDictionary(e => $"{e.Key}", e => $"{e.Value}")),
    };

    private MaintenanceMode Change(MaintenanceWindow window, PlanFile? plan, CancellationToken cancellation)
    {
        if (ParameterSetName == ExtendSet)
        {
            return window.Extend(For, LeaseId, cancellation);
        }

        if (Enabled)
        {
            return window.Enter(For, Reason, cancellation).Mode;
        }

        MaintenanceMode Leave() => All ? window.LeaveAll(cancellation) : window.Leave(LeaseId, cancellation);
        return WhenHealthy ? window.LeaveWhenHealthy(Leave, Checks(plan), HealthTimeout, cancellation) : Leave();
    }

    private IReadOnlyList<HealthCheck> Checks(PlanFile? plan) => HealthUri.Length > 0
        ? [.. HealthUri.Select(u => new HttpProbe(new HttpQuestion { Uri = u })).Select(p => new HealthCheck { Name = p.Target, Probe = p })]
        : HealthPlan.Checks(plan!);

    /// <summary>Whatever ends the block, an error and Ctrl+C among it, the lease is ended; where the process dies, it ends by itself.</summary>
    private void Hold(string path, ScriptBlock block)
    {
        var plan = LoadPlan();
        var sink = new LeaseSink();
        var held = Require(path, output => sink.Through(output, () => HeldMaintenance.Enter(Window(path, plan, sink), For, Reason, output.Cancellation)));
        try
        {
            // Into this cmdlet's own output, object by object: what came before a failure is not lost.
            InvokeCommand.InvokeScript(useLocalScope: true, Pass, input: null, args: [block, this]);
        }
        finally
        {
            Run(path, output => sink.Through(output, () =>
            {
                held.Dispose();
                return true;
            }));
        }
    }
}
