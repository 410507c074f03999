using System.Management.Automation;
using MaintenanceOps.Engine.Modes;

namespace MaintenanceOps.Commands.Modes;

/// <summary>Tells whether an application is closed, by whom and until when; with -History, what happened.</summary>
[Cmdlet(VerbsCommon.Get, "MaintenanceMode")]
[OutputType(typeof(MaintenanceMode), typeof(MaintenanceModeEvent))]
public sealed class GetMaintenanceModeCommand : ModeCmdlet
{
    /// <summary>Writes what happened, the oldest first, instead of how it stands.</summary>
    [Parameter]
    public SwitchParameter History { get; set; }

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
