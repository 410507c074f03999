using System.CommandLine;
using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

internal sealed class WalFetchCommand : RunnerCommand
{
    private static readonly Argument<string> FileName = new("name") { Description = "The name of the file: %f of restore_command." };
    private static readonly Argument<string> Destination = new("path") { Description = "Where to put it: %p of restore_command." };
    private static readonly Option<string> Cluster = new("--cluster") { Description = "The cluster's system identifier, as pg_controldata prints it. [default: that of the data directory it runs in]", HelpName = "number" };

    public WalFetchCommand()
        : base(
            "wal-fetch",
            "Bring a file of PostgreSQL's log back; for restore_command.",
            "restore_command = 'mops wal-fetch %f \"%p\" --repository /mnt/backup/pg'") =>
        Use(FileName, Destination, SharedOptions.Repository, SharedOptions.KeyFile, Cluster);

    /// <summary>
    /// Ends with 1 where the archive does not have the file: PostgreSQL asks for files that need not exist, and takes it as
    /// the end of the log. What failed for another reason must not look like that, so it ends with more than 125, at
    /// which the server stops.
    /// </summary>
    protected override ExitCode Execute(RunnerContext context)
    {
        try
        {
            using var repository = context.OpenRepository();
            var system = SystemOf(context.Get(Cluster), Environment.CurrentDirectory);
            return new WalArchive(repository).Fetch(context.Get(FileName)!, context.Get(Destination)!, system) ? ExitCode.Done : ExitCode.Failed;
        }
#pragma warning disable CA1031 // Whatever it is, it is not the end of the log.
        catch (Exception e) when (e is not OperationCanceledException)
#pragma warning restore CA1031
        {
            context.Report(e);
            return ExitCode.RecoveryMustStop;
        }
    }

    private static ulong SystemOf(string? cluster, string dataDirectory) => cluster is null
        ? WalArchive.SystemOf(dataDirectory)
        : ulong.TryParse(cluster, NumberStyles.None, CultureInfo.InvariantCulture, out var system)
            ? system
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{cluster}' is no system identifier, such as 7412345678901234567.", cluster);
}
