using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>A backup that takes paths of the file system, with wildcards or as they are.</summary>
public abstract class PathCmdlet : RepositoryCmdlet
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";

    /// <summary>What to back up; wildcards are allowed.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true)]
    [ValidateNotNullOrEmpty]
    public PathArgument[] Path { get; set; } = [];

    /// <summary>What to back up, taken as it is.</summary>
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>The stable name of what is backed up.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [ArgumentCompleter(typeof(SourceCompleter))]
    [ValidateNotNullOrEmpty]
    public string? Source { get; set; }

    /// <summary>Free words to find the snapshot by.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Tag { get; set; } = [];

    /// <summary>Makes the repository where there is none, with the passphrase where one is given.</summary>
    [Parameter]
    public SwitchParameter Initialize { get; set; }

    /// <summary>The existing paths that the current input names.</summary>
    private protected IReadOnlyList<string> ResolvedPaths(out bool complete) => ParameterSetName == LiteralPathSet
        ? ProviderPaths.Existing(this, LiteralPath.Select(p => (p, true)), out complete)
        : ProviderPaths.Existing(this, Path.Select(p => (p.Text, p.IsLiteral)), out complete);
}
