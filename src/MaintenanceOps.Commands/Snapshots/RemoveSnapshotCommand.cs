using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Removes snapshots. What only they needed is freed by Optimize-SnapshotRepository.</summary>
[Cmdlet(VerbsCommon.Remove, "Snapshot", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(Snapshot))]
public sealed class RemoveSnapshotCommand : SnapshotCmdlet
{
    /// <summary>Writes the snapshots that were removed.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override Snapshot Choose(SnapshotCatalog catalog, string id, LatestRule rule, IOperationSink sink) => catalog.FindToRemove(id, rule.Source);

    private protected override void Process(Repository repository, Snapshot snapshot)
    {
        if (ShouldProcess($"{snapshot.ShortId} of '{snapshot.Source}', taken {snapshot.Created:yyyy-MM-dd HH:mm} UTC", "Remove the snapshot"))
        {
            Run(snapshot, output =>
            {
                new SnapshotCatalog(repository).Remove(snapshot.Id);
                if (PassThru)
                {
                    output.Write(snapshot);
                }
            });
        }
    }
}
