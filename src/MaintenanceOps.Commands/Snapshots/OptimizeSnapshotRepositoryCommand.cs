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

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var repository = Open();
        var agreed = ShouldProcess(repository.Location, "Remove what no snapshot needs");
        if (agreed || IsWhatIf)
        {
            Run(repository.Location, output => output.Write(new RepositoryPrune(repository, output).Run(dryRun: !agreed, Force, RecoveryWindow, output.Cancellation)));
        }
    }
}
