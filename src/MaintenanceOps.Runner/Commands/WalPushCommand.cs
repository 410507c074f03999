using System.CommandLine;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

internal sealed class WalPushCommand : RunnerCommand
{
    private static readonly Argument<string> File = new("path") { Description = "The file of the log: %p of archive_command." };

    public WalPushCommand()
        : base(
            "wal-push",
            "Archive a file of PostgreSQL's log; for archive_command.",
            "archive_command = 'mops wal-push \"%p\" --repository /mnt/backup/pg'") =>
        Use(File, SharedOptions.Repository, SharedOptions.KeyFile);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        ArchiveShortcut.Push(new WalArchive(repository), context.Get(File)!, context.Sink, context.Cancellation);
        return ExitCode.Done;
    }
}
