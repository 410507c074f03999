using System.Management.Automation;
using System.Security;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Adds a passphrase to an encrypted repository. No data is rewritten.</summary>
[Cmdlet(VerbsCommon.Add, "SnapshotRepositoryKey", SupportsShouldProcess = true, DefaultParameterSetName = "Passphrase")]
[OutputType(typeof(RepositoryKey))]
public sealed class AddSnapshotRepositoryKeyCommand : RepositoryFirstCmdlet
{
    /// <summary>The passphrase to add.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "Passphrase")]
    public SecureString? NewPassphrase { get; set; }

    /// <summary>A file with the passphrase to add.</summary>
    [Parameter(Mandatory = true, ParameterSetName = "KeyFile")]
    [ValidateNotNullOrEmpty]
    public string? NewKeyFile { get; set; }

    /// <summary>What the owner calls the passphrase.</summary>
    [Parameter]
    [ValidateNotNull]
    public string Label { get; set; } = "";

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        if (ShouldProcess(repository.Location, "Add a passphrase"))
        {
            var file = NewKeyFile is null ? null : ProviderPaths.Full(this, NewKeyFile);
            Run(repository.Location, output => output.Write(
                new RepositoryAdministration(repository).AddKey(OpenRepositories.PassphraseOf(NewPassphrase, file)!, Label)));
        }
    }
}
