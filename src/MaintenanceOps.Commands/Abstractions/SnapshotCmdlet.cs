using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands;

/// <summary>A cmdlet that takes snapshots, by the object, by id or as <c>latest</c>, and does the same to each.</summary>
public abstract class SnapshotCmdlet : RepositoryCmdlet
{
    /// <summary>The snapshot: the object, its id or the beginning of one, or <c>latest</c>.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("Id")]
    [ArgumentCompleter(typeof(SnapshotCompleter))]
    public SnapshotReference Snapshot { get; set; } = null!;

    /// <summary>Says of which source <c>latest</c> is meant.</summary>
    [Parameter]
    [ArgumentCompleter(typeof(SourceCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Source { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open(Snapshot.Repository);
        if (Find(repository, Snapshot, Source) is { } snapshot)
        {
            Process(repository, snapshot);
        }
    }

    /// <summary>Does the cmdlet's work to one snapshot.</summary>
    private protected abstract void Process(Repository repository, Snapshot snapshot);

    /// <summary>Finds the snapshot that an id names.</summary>
    private protected virtual Snapshot Choose(SnapshotCatalog catalog, string id, LatestRule rule, IOperationSink sink) => catalog.Find(id, rule, sink);

    /// <summary>Which snapshot <c>latest</c> is.</summary>
    private protected virtual LatestRule Latest(string? source) => new() { Source = source };

    /// <summary>How far a recovery is to go; then <c>latest</c> is the newest base backup that ended before.</summary>
    private protected virtual RecoveryTarget? Recovery => null;

    /// <summary>Finds what a reference names; null after an error record.</summary>
    private protected Snapshot? Find(Repository repository, SnapshotReference reference, string? source)
    {
        Snapshot? found = null;
        Run(reference.Id, output =>
        {
            var catalog = new SnapshotCatalog(repository);
            found = Recovery is { } target ? catalog.FindBefore(target, reference.Id, Latest(source), output) : Choose(catalog, reference.Id, Latest(source), output);
        });
        return found;
    }
}
