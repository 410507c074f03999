using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class ExportCommand : RunnerCommand
{
    private static readonly Option<string> Destination = new("--destination", "-d") { Description = "A file or folder that does not exist; *.tar.gz or *.tgz makes an archive.", HelpName = "path", Required = true };

    public ExportCommand()
        : base(
            "export",
            "Write a snapshot as plain files that need no MaintenanceOps: a database file, a folder, a .tar.gz.",
            "mops export latest --source notes/main --destination notes.db",
            "mops export latest --source notes/files --destination notes-files.tar.gz") =>
        Use(SharedOptions.Snapshot, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.Source, Destination, SharedOptions.Force);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        var snapshot = context.FindSnapshot(repository);
        var path = new SnapshotExport(repository, context.Sink).Run(snapshot, context.Get(Destination)!, context.Get(SharedOptions.Force), context.Cancellation);
        var size = File.Exists(path) ? new FileInfo(path).Length : snapshot.Size;
        context.Output.Outcome(
            new ExportResult(snapshot.Id, snapshot.Repository, snapshot.Source, path, size),
            $"Exported {snapshot.ShortId} of {snapshot.Source} to {path} ({ByteSize.Format(size)}).");
        return ExitCode.Done;
    }
}
