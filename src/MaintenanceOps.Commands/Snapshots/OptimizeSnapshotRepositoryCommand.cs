using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Frees what no snapshot needs any more. With -WhatIf the result tells what that would be.</summary>
[Cmdlet(VerbsCommon.Optimize, "SnapshotRepository", SupportsShouldProcess = true)]
[OutputType(typeof(PruneResult))]
public sealed class OptimizeSnapshotRepositoryCommand : RepositoryFirstCmdlet
{
    /// <summary>Removes everything where no snapshot is left.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>How far back PostgreSQL clusters must be recoverable to any moment; older log is removed. All of it is kept where this is left out.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? RecoveryWindow { get; set; }

    /// <summary>Removes at once what nothing needs, without waiting for the grace. Give it only where nobody else works in the repository.</summary>
    [Parameter]
    public SwitchParameter Now { get; set; }

    /// <summary>How long what nothing needs stays doomed before a later run removes it, where it cannot be known that nobody else is at work. A day where it is left out.</summary>
    [Parameter]
    [Duration]
    public TimeSpan Grace { get; set; } = PruneOptions.DefaultGrace;

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        var agreed = ShouldProcess(repository.Location, "Remove what no snapshot needs");
        if (agreed || IsWhatIf)
        {
            var options = new PruneOptions { DryRun = !agreed, Force = Force, Now = Now, Grace = Grace, RecoveryWindow = RecoveryWindow };
            Run(repository.Location, output => output.Write(new RepositoryPrune(repository, output).Run(options, output.Cancellation)));
        }
    }
}
