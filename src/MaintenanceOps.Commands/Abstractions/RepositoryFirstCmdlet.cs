using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>A cmdlet about a repository itself: the repository is its first argument and comes through the pipeline.</summary>
public abstract class RepositoryFirstCmdlet : RepositoryCmdlet
{
    /// <inheritdoc/>
    [Parameter(Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public override string? Repository { get; set; }
}
