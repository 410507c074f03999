using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Describes a repository: what it holds, how much it takes, which passphrases open it.</summary>
[Cmdlet(VerbsCommon.Get, "SnapshotRepository")]
[OutputType(typeof(SnapshotRepository))]
public sealed class GetSnapshotRepositoryCommand : RepositoryFirstCmdlet
{
    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        Run(repository.Location, output => output.Write(new RepositoryAdministration(repository).Describe()));
    }
}
