using System.Management.Automation;
using System.Security;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Copies snapshots into another repository. What is there already is not copied again.</summary>
[Cmdlet(VerbsCommon.Copy, "Snapshot", SupportsShouldProcess = true)]
[OutputType(typeof(Snapshot))]
public sealed class CopySnapshotCommand : SnapshotCmdlet
{
    /// <summary>The repository to copy into.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>Opens an encrypted destination; the environment's passphrase where it is left out.</summary>
    [Parameter]
    [ValidateNotNull]
    public SecureString? DestinationPassphrase { get; set; }

    /// <summary>A file with the destination's passphrase.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? DestinationKeyFile { get; set; }

    /// <summary>Makes the destination where there is none.</summary>
    [Parameter]
    public SwitchParameter Initialize { get; set; }

    private protected override void Process(Repository repository, Snapshot snapshot)
    {
        var location = ProviderPaths.Location(this, Destination);
        if (ShouldProcess(location, $"Copy snapshot {snapshot.ShortId} of '{snapshot.Source}'"))
        {
            var destination = Open(location, DestinationPassphrase, DestinationKeyFile, Initialize);
            Run(snapshot, output => output.Write(new SnapshotCopy(repository, destination, output).Run(snapshot, output.Cancellation)));
        }
    }
}
