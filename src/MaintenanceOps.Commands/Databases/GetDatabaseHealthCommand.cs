using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Looks at databases and tells what there is to know and to mend, the gravest first. It changes nothing.</summary>
[Cmdlet(VerbsCommon.Get, "DatabaseHealth", DefaultParameterSetName = PathSet)]
[OutputType(typeof(DatabaseFinding))]
public sealed class GetDatabaseHealthCommand : DatabaseCmdlet
{
    /// <summary>Leaves out findings that matter less.</summary>
    [Parameter]
    public FindingSeverity Severity { get; set; } = FindingSeverity.Information;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var target in Targets())
        {
            Run(target, output =>
            {
                foreach (var finding in DatabaseUpkeep.Inspect(target, output, output.Cancellation).Where(f => f.Severity >= Severity))
                {
                    output.Write(finding);
                }
            });
        }
    }
}
