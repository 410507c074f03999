using System.CommandLine;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoWalCommand : RunnerCommand
{
    private static readonly Option<VerificationLevel> Level = SharedOptions.Level(VerificationLevel.Quick, VerificationLevel.Full);

    public RepoWalCommand()
        : base("wal", "Look for gaps and damage in the archives of PostgreSQL's log. Exit code 3 where there are.", "mops repo wal /mnt/backup/pg", "mops repo wal --level full") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, SharedOptions.KeyFile, Level);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepositoryArgument();
        var states = new WalArchiveCheck(repository, context.Sink).Run(context.Get(Level), context.Cancellation).ToList();
        context.Output.Table(states, Tables.WalArchives);
        foreach (var finding in states.SelectMany(s => s.Findings))
        {
            context.Output.Text($"error: {Words.ForConsole(finding)}");
        }

        if (states.Count == 0)
        {
            context.Output.Text("No log is archived here, and no base backup.");
        }

        return states.TrueForAll(s => s.Healthy) ? ExitCode.Done : ExitCode.Unhealthy;
    }
}
