using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Postgres.Wal;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Looks for gaps and damage in the log archives of a repository.</summary>
[Cmdlet(VerbsDiagnostic.Test, "WalArchive")]
[OutputType(typeof(WalArchiveState))]
public sealed class TestWalArchiveCommand : RepositoryFirstCmdlet
{
    /// <summary>Quick goes by the names of the segments; Full reads every byte.</summary>
    [Parameter]
    [ValidateSet(nameof(VerificationLevel.Quick), nameof(VerificationLevel.Full))]
    public VerificationLevel Level { get; set; } = VerificationLevel.Quick;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        Run(repository.Location, output =>
        {
            foreach (var state in new WalArchiveCheck(repository, output).Run(Level, output.Cancellation))
            {
                output.Write(state);
            }
        });
    }
}
