using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Tells how two snapshots differ: files added, removed, changed; rows added, removed, changed.</summary>
[Cmdlet(VerbsData.Compare, "Snapshot")]
[OutputType(typeof(SnapshotDifference))]
public sealed class CompareSnapshotCommand : RepositoryCmdlet
{
    /// <summary>The older state.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    [ArgumentCompleter(typeof(SnapshotCompleter))]
    public SnapshotReference Reference { get; set; } = null!;

    /// <summary>The newer state; the newest of the same source where it is left out.</summary>
    [Parameter(Position = 1, ValueFromPipeline = true)]
    [ArgumentCompleter(typeof(SnapshotCompleter))]
    public SnapshotReference? Difference { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open(Reference.Repository ?? Difference?.Repository);
        Run(Difference ?? Reference, output =>
        {
            var catalog = new SnapshotCatalog(repository);
            var reference = catalog.Find(Reference.Id);
            var difference = catalog.Find(Difference?.Id ?? SnapshotReference.Latest, new LatestRule { Source = reference.Source }, output);
            foreach (var item in new SnapshotComparison(repository, output).Run(reference, difference, output.Cancellation))
            {
                output.Write(item);
            }
        });
    }
}
