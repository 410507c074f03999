using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Makes a repository, encrypted where a passphrase is given.</summary>
[Cmdlet(VerbsCommon.New, "SnapshotRepository", SupportsShouldProcess = true)]
[OutputType(typeof(SnapshotRepository))]
public sealed class NewSnapshotRepositoryCommand : RepositoryFirstCmdlet
{
    /// <summary>What the owner calls the passphrase.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Label { get; set; } = "";

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var location = LocationOf();
        if (ShouldProcess(location, "Make a snapshot repository"))
        {
            var repository = Create(location, Label);
            Run(location, output => output.Write(new RepositoryAdministration(repository).Describe()));
        }
    }
}
