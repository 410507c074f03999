using System.Management.Automation;
using MaintenanceOps.Engine.Modes;

namespace MaintenanceOps.Commands.Modes;

/// <summary>Closes an application to its users for a while, gives it longer, or opens it; or runs work while it is closed.</summary>
[Cmdlet(VerbsCommon.Set, "MaintenanceMode", DefaultParameterSetName = SwitchSet, SupportsShouldProcess = true)]
[OutputType(typeof(MaintenanceMode), ParameterSetName = [SwitchSet, ExtendSet])]
[OutputType(typeof(PSObject), ParameterSetName = [BlockSet])]
public sealed class SetMaintenanceModeCommand : EngineCmdlet
{
    private const string SwitchSet = "Switch";
    private const string ExtendSet = "Extend";
    private const string BlockSet = "ScriptBlock";

    private static readonly ScriptBlock Pass = System.Management.Automation.ScriptBlock.Create("param($block, $cmdlet) & $block | ForEach-Object { $cmdlet.WriteObject($_) }");

    /// <summary>The flag file: the web server answers 503 while it exists.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string FlagPath { get; set; } = "";

    /// <summary>Takes a lease; with <c>-Enabled:$false</c> the one that was taken last is ended.</summary>
    [Parameter(Mandatory = true, ParameterSetName = SwitchSet)]
    public SwitchParameter Enabled { get; set; }

    /// <summary>Gives a lease more time: so much from now on.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ExtendSet)]
    public SwitchParameter Extend { get; set; }

    /// <summary>Work to do while it is closed. The lease is renewed while it runs and always ended.</summary>
    [Parameter(Mandatory = true, Position = 1, ParameterSetName = BlockSet)]
    public ScriptBlock? ScriptBlock { get; set; }

    /// <summary>How long at most.</summary>
    [Parameter]
    [Duration]
    public TimeSpan For { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>Why, for the page and the history.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [Parameter(ParameterSetName = BlockSet)]
    public string Reason { get; set; } = "";

    /// <summary>The lease to end or to extend; the one that was taken last where it is left out.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    [Parameter(ParameterSetName = ExtendSet)]
    [ValidateNotNullOrEmpty]
    public string? LeaseId { get; set; }

    /// <summary>With <c>-Enabled:$false</c>: ends all leases.</summary>
    [Parameter(ParameterSetName = SwitchSet)]
    public SwitchParameter All { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (Enabled && (LeaseId is not null || All))
        {
            ThrowTerminatingError(ErrorRecords.From(new MaintenanceException(ErrorCode.InvalidArgument, "-LeaseId and -All say which leases end. Give them with -Enabled:$false."), FlagPath));
        }

        var path = ProviderPaths.Full(this, FlagPath);
        if (!ShouldProcess(path, Act()))
        {
            return;
        }

        if (ScriptBlock is null)
        {
            Run(path, output => output.Write(Change(new MaintenanceSwitch(path, output), output.Cancellation)));
        }
        else
        {
            Hold(path, ScriptBlock);
        }
    }

    private string Act() => ParameterSetName switch
    {
        BlockSet => "Run a script block in maintenance mode",
        ExtendSet => $"End maintenance mode in {Duration.Format(For)}",
        _ when Enabled => $"Enter maintenance mode for at most {Duration.Format(For)}",
        _ => All ? "End maintenance mode" : "End a lease on maintenance mode",
    };

    private MaintenanceMode Change(MaintenanceSwitch door, CancellationToken cancellation) => ParameterSetName switch
    {
        ExtendSet => door.Extend(For, LeaseId, cancellation),
        _ when Enabled => door.Enter(For, Reason, cancellation).Mode,
        _ => All ? door.LeaveAll(cancellation) : door.Leave(LeaseId, cancellation),
    };

    /// <summary>Whatever ends the block, an error and Ctrl+C among it, the lease is ended; where the process dies, it ends by itself.</summary>
    private void Hold(string path, ScriptBlock block)
    {
        var held = Require(path, output => HeldMaintenance.Enter(new MaintenanceSwitch(path, output), For, Reason, output.Cancellation));
        try
        {
            // Into this cmdlet's own output, object by object: what came before a failure is not lost.
            InvokeCommand.InvokeScript(useLocalScope: true, Pass, input: null, args: [block, this]);
        }
        finally
        {
            Run(path, _ => held.Dispose());
        }
    }
}
