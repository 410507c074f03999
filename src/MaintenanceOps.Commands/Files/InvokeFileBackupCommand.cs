using System.Management.Automation;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Files;

/// <summary>Takes one snapshot of files and folders; all paths of the pipeline go into it.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "FileBackup", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(Snapshot))]
public sealed class InvokeFileBackupCommand : PathCmdlet
{
    private readonly List<string> paths = [];
    private bool missing;

    /// <summary>Patterns of paths to leave out, as in a .gitignore.</summary>
    [Parameter]
    public string[] Exclude { get; set; } = [];

    /// <summary>Files with such patterns, one a line.</summary>
    [Parameter]
    public string[] ExcludeFrom { get; set; } = [];

    /// <summary>Writes no errors for entries that could not be read; the snapshot says what is missing either way.</summary>
    [Parameter]
    public SwitchParameter AllowIncomplete { get; set; }

    /// <summary>Reads every file again, also those that look unchanged.</summary>
    [Parameter]
    public SwitchParameter Reread { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        paths.AddRange(ResolvedPaths(out var complete));
        missing |= !complete;
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        // A snapshot without what was asked for would look like a good one.
        if (paths.Count == 0 || missing)
        {
            return;
        }

        var source = Source ?? DefaultSource();
        if (source is null || !ShouldProcess(string.Join(", ", paths.Take(3)) + (paths.Count > 3 ? $" and {paths.Count - 3} more" : ""), $"Back up as '{source}' to {LocationOf()}"))
        {
            return;
        }

        var repository = Open(initialize: Initialize);
        var what = new FileBackupOptions
        {
            Paths = paths,
            Exclude = Exclude,
            ExcludeFrom = [.. ExcludeFrom.Select(file => ProviderPaths.Full(this, file))],
            Reread = Reread,
        };
        var options = new BackupOptions { Source = source, Tags = Tag, AllowIncomplete = AllowIncomplete };
        Snapshot? snapshot = null;
        Run(source, output => output.Write(snapshot = new FileBackup(repository, output).Run(what, options, output.Cancellation)));
        foreach (var name in AllowIncomplete ? [] : snapshot?.Missing ?? [])
        {
            WriteError(ErrorRecords.Missing(snapshot!, name));
        }
    }

    /// <summary>The name of the one folder or file; several paths have no name that would stay the same.</summary>
    private string? DefaultSource()
    {
        var name = paths is [var only] ? BackupOptions.SourceOf(only) : "";
        if (name.Length > 0)
        {
            return name;
        }

        var problem = new MaintenanceException(ErrorCode.InvalidArgument, "These paths have no name in common. Give one with -Source, such as app/files.");
        WriteError(ErrorRecords.From(problem, paths[0]));
        return null;
    }
}
