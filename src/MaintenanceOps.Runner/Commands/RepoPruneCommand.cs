using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoPruneCommand : RunnerCommand
{
    private static readonly Option<TimeSpan?> RecoveryWindow = new("--recovery-window") { Description = "How far back PostgreSQL clusters must be recoverable to any moment; older log is removed. [default: all of it is kept]", HelpName = "duration", CustomParser = Values.Duration };

    public RepoPruneCommand()
        : base("prune", "Free what no snapshot needs any more.", "mops repo prune /mnt/backup/notes", "mops repo prune --dry-run", "mops repo prune /mnt/backup/pg --recovery-window 7d") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.DryRun, SharedOptions.Force, RecoveryWindow);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepositoryArgument();
        var result = new RepositoryPrune(repository, context.Sink).Run(context.Get(SharedOptions.DryRun), context.Get(SharedOptions.Force), context.Get(RecoveryWindow), context.Cancellation);
        context.Output.Outcome(
            result,
            $"{(result.DryRun ? "Would free" : "Freed")} {ByteSize.Format(result.Freed)} of {ByteSize.Format(result.SizeBefore)}: "
            + $"{result.PacksRemoved:N0} packs removed, {result.PacksRewritten:N0} rewritten, {result.ObjectsRemoved:N0} other objects, in {Tables.Elapsed(result.Elapsed)}.");
        return ExitCode.Done;
    }
}
