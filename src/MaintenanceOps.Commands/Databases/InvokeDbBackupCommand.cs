using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Takes a snapshot of live SQLite databases.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "DbBackup", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(Snapshot))]
public sealed class InvokeDbBackupCommand : PathCmdlet
{
    private readonly Dictionary<string, string> taken = new(StringComparer.Ordinal);

    /// <summary>Leaves out the database's own integrity check.</summary>
    [Parameter]
    public SwitchParameter SkipVerify { get; set; }

    /// <summary>How long a lock of another process is waited for.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? LockTimeout { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        foreach (var path in ResolvedPaths(out _))
        {
            var source = Source ?? System.IO.Path.GetFileName(path);
            if (IsOnlyOne(source, path) && ShouldProcess(path, $"Back up as '{source}' to {LocationOf()}"))
            {
                BackUp(path, source);
            }
        }
    }

    private void BackUp(string path, string source)
    {
        var repository = Open(initialize: Initialize);
        var options = new BackupOptions { Source = source, Tags = Tag, SkipVerify = SkipVerify, LockTimeout = LockTimeout };
        Run(path, output => output.Write(new SqliteBackup(repository, output).Run(path, options, output.Cancellation)));
    }

    /// <summary>Two databases under one name would look like one that changes all the time.</summary>
    private bool IsOnlyOne(string source, string path)
    {
        if (taken.TryAdd(source, path) || taken[source] == path)
        {
            return true;
        }

        var problem = new MaintenanceException(
            ErrorCode.InvalidArgument,
            $"'{path}' would be backed up as '{source}', and so was '{taken[source]}'. Give each database a -Source of its own.",
            path);
        WriteError(ErrorRecords.From(problem, path));
        return false;
    }
}
