using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Proves snapshots: that their objects are there, that every byte is right, that they restore.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Snapshot")]
[OutputType(typeof(SnapshotTest))]
public sealed class TestSnapshotCommand : SnapshotCmdlet
{
    /// <summary>How thoroughly: Quick, Full or Restore.</summary>
    [Parameter]
    [ValidateSet(nameof(VerificationLevel.Quick), nameof(VerificationLevel.Full), nameof(VerificationLevel.Restore))]
    public VerificationLevel Level { get; set; } = VerificationLevel.Quick;

    /// <summary>SQL that must give a true value in the restored database. It means <c>-Level Restore</c>.</summary>
    [Parameter]
    public string[] Assert { get; set; } = [];

    /// <summary>Of a PostgreSQL snapshot: the database that -Assert asks.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Database { get; set; }

    /// <summary>Of a PostgreSQL cluster: recover from the log archive to this target before it is asked, as with Restore-Snapshot.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? PointInTime { get; set; }

    /// <summary>The timeline that the recovery goes along: latest, current (that of the base backup) or a number.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TargetTimeline { get; set; }

    /// <summary>Where the scratch restore goes; the system's temporary folder where it is left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ScratchPath { get; set; }

    private protected override RecoveryTarget? Recovery => PointInTime is null ? null : RecoveryTarget.Parse(PointInTime, TargetTimeline);

    private protected override LatestRule Latest(string? source) => new() { Source = source, EvenFailed = true };

    private protected override void Process(Repository repository, Snapshot snapshot)
    {
        var options = new ProofOptions
        {
            Level = Level,
            Assert = Assert,
            Database = Database,
            Recovery = Recovery,
            ScratchFolder = ScratchPath is null ? null : ProviderPaths.Full(this, ScratchPath),
        };
        Run(snapshot, output => output.Write(new SnapshotProof(repository, output).Run(snapshot, options, output.Cancellation)));
    }
}
