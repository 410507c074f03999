using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Lists the snapshots of a repository, oldest first.</summary>
[Cmdlet(VerbsCommon.Get, "Snapshot", DefaultParameterSetName = "Filter")]
[OutputType(typeof(Snapshot))]
public sealed class GetSnapshotCommand : RepositoryCmdlet
{
    /// <inheritdoc/>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public override string? Repository { get; set; }

    /// <summary>Only these sources; wildcards are allowed.</summary>
    [Parameter(Position = 1)]
    [ArgumentCompleter(typeof(SourceCompleter))]
    [SupportsWildcards]
    public string[] Source { get; set; } = [];

    /// <summary>Only these snapshots: ids or the beginnings of ids.</summary>
    [Parameter(ParameterSetName = "Id", Mandatory = true)]
    [ArgumentCompleter(typeof(SnapshotCompleter))]
    public string[] Id { get; set; } = [];

    /// <summary>Only the newest of each source.</summary>
    [Parameter(ParameterSetName = "Filter")]
    public SwitchParameter Latest { get; set; }

    /// <summary>Only those that are complete and were checked or restored.</summary>
    [Parameter(ParameterSetName = "Filter")]
    public SwitchParameter Verified { get; set; }

    /// <summary>Only those taken before this moment.</summary>
    [Parameter(ParameterSetName = "Filter")]
    public DateTimeOffset? Before { get; set; }

    /// <summary>Only those taken at this moment or after it.</summary>
    [Parameter(ParameterSetName = "Filter")]
    public DateTimeOffset? After { get; set; }

    /// <summary>Only those with all of these tags.</summary>
    [Parameter(ParameterSetName = "Filter")]
    public string[] Tag { get; set; } = [];

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        if (ParameterSetName == "Filter")
        {
            Run(repository.Location, output => List(repository, output));
            return;
        }

        foreach (var id in Id)
        {
            Run(id, output => output.Write(new SnapshotCatalog(repository).Find(id, Source is [var only] ? only : null)));
        }
    }

    private void List(Repository repository, OperationOutput output)
    {
        var filter = new SnapshotFilter { Sources = Source, Tags = Tag, Before = Before, After = After, Verified = Verified, Latest = Latest };
        var catalog = new SnapshotCatalog(repository);
        catalog.RequireSources(Source);
        foreach (var snapshot in catalog.List(filter, output, unreadableToo: true))
        {
            output.Write(snapshot);
        }
    }
}
