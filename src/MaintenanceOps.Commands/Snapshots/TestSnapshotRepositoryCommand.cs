using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Looks at every object of a repository; no output means that all is well.</summary>
[Cmdlet(VerbsDiagnostic.Test, "SnapshotRepository")]
[OutputType(typeof(RepositoryFinding))]
public sealed class TestSnapshotRepositoryCommand : RepositoryFirstCmdlet
{
    /// <summary>Quick reads the descriptions, Full every byte.</summary>
    [Parameter]
    [ValidateSet(nameof(VerificationLevel.Quick), nameof(VerificationLevel.Full))]
    public VerificationLevel Level { get; set; } = VerificationLevel.Quick;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        Run(repository.Location, output =>
        {
            foreach (var finding in new RepositoryCheck(repository, output).Run(Level, output.Cancellation))
            {
                output.Write(finding);
            }
        });
    }
}
