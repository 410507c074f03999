using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Lists what is in a snapshot: files and folders, or the tables of a database.</summary>
[Cmdlet(VerbsCommon.Get, "SnapshotItem")]
[OutputType(typeof(SnapshotItem))]
public sealed class GetSnapshotItemCommand : SnapshotCmdlet
{
    /// <summary>Only these paths or tables; <c>*</c> within a name, <c>**</c> across folders.</summary>
    [Parameter(Position = 1)]
    [SupportsWildcards]
    public string[] Path { get; set; } = [];

    private protected override void Process(Repository repository, Snapshot snapshot) => Run(snapshot.Id, output =>
    {
        foreach (var item in new SnapshotItems(repository).List(snapshot, Path, output.Cancellation))
        {
            output.Write(item);
        }
    });
}
