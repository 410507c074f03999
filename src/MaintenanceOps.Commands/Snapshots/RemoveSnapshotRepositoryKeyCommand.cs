using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Removes a passphrase from an encrypted repository; the last one stays.</summary>
[Cmdlet(VerbsCommon.Remove, "SnapshotRepositoryKey", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RepositoryKey))]
public sealed class RemoveSnapshotRepositoryKeyCommand : RepositoryCmdlet
{
    /// <inheritdoc/>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public override string? Repository { get; set; }

    /// <summary>The id of the key, as Get-SnapshotRepository shows it.</summary>
    [Parameter(Mandatory = true, Position = 1, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ValidateNotNullOrEmpty]
    public string KeyId { get; set; } = "";

    /// <summary>Writes the key that was removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        if (!ShouldProcess($"{KeyId} of {repository.Location}", "Remove the passphrase"))
        {
            return;
        }

        Run(KeyId, output =>
        {
            var administration = new RepositoryAdministration(repository);
            var key = PassThru ? administration.Describe().Keys.FirstOrDefault(k => k.Id == KeyId) : null;
            administration.RemoveKey(KeyId);
            if (key is not null)
            {
                output.Write(key);
            }
        });
    }
}
