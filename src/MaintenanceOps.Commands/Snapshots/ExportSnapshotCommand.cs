using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Writes a snapshot as something that needs no MaintenanceOps: a database file, a folder, or a .tar.gz.</summary>
[Cmdlet(VerbsData.Export, "Snapshot", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(FileInfo), typeof(DirectoryInfo))]
public sealed class ExportSnapshotCommand : SnapshotCmdlet
{
    /// <summary>The file or folder to write; a name that ends in .tar.gz or .tgz makes an archive.</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [ValidateNotNullOrEmpty]
    public string Destination { get; set; } = "";

    /// <summary>Replaces what is there.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    private protected override void Process(Repository repository, Snapshot snapshot)
    {
        var path = RestorePlan.PlaceOf(snapshot, ProviderPaths.Full(this, Destination), Destination);
        if (ShouldProcess(path, $"Export snapshot {snapshot.ShortId} of '{snapshot.Source}' ({ByteSize.Format(snapshot.Size)})", Force ? ConfirmImpact.High : ConfirmImpact.Medium))
        {
            Run(snapshot, output =>
            {
                var written = new SnapshotExport(repository, output).Run(snapshot, path, Force, output.Cancellation);
                output.Write(Directory.Exists(written) ? new DirectoryInfo(written) : new FileInfo(written));
            });
        }
    }
}
