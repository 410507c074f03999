using System.Management.Automation;
using MaintenanceOps.Engine.Modes;

namespace MaintenanceOps.Commands.Modes;

/// <summary>Tells whether an application is closed, by whom and until when; with -History, what happened.</summary>
[Cmdlet(VerbsCommon.Get, "MaintenanceMode")]
[OutputType(typeof(MaintenanceMode), typeof(MaintenanceModeEvent))]
public sealed class GetMaintenanceModeCommand : ModeCmdlet
{
    /// <summary>The flag file: the web server answers 503 while it exists. A plan (<c>.yaml</c>) in its place names it.</summary>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public string? FlagPath { get; set; }

    /// <summary>A plan whose section <c>maintenance</c> names the flag.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Plan { get; set; }

    /// <summary>Writes what happened, the oldest first, instead of how it stands.</summary>
    [Parameter]
    public SwitchParameter History { get; set; }

    private protected override string? GivenFlag => FlagPath;

    private protected override string? GivenPlan => Plan;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var path = Flag();
        Run(path, output =>
        {
            var door = new MaintenanceSwitch(path, output);
            var mode = door.Get(output.Cancellation);
            if (!History)
            {
                output.Write(mode);
                return;
            }

            foreach (var change in door.History())
            {
                output.Write(change);
            }
        });
    }
}
