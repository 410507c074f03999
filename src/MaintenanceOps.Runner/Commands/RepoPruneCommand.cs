using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoPruneCommand : RunnerCommand
{
    private static readonly Option<TimeSpan?> RecoveryWindow = new("--recovery-window") { Description = "How far back PostgreSQL clusters must be recoverable to any moment; older log is removed. [default: all of it is kept]", HelpName = "duration", CustomParser = Values.Duration };

    private static readonly Option<bool> Now = new("--now") { Description = "Remove at once, without the grace. Only where nobody else works in the repository." };
    private static readonly Option<TimeSpan?> Grace = new("--grace") { Description = "How long what nothing needs stays before a later run removes it, where others may be at work. [default: 1d]", HelpName = "duration", CustomParser = Values.Duration };

    public RepoPruneCommand()
        : base("prune", "Free what no snapshot needs any more.", "mops repo prune /mnt/backup/notes", "mops repo prune --dry-run", "mops repo prune /mnt/backup/pg --recovery-window 7d", "mops repo prune s3://backups/notes --now") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.DryRun, SharedOptions.Force, Now, Grace, RecoveryWindow);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepositoryArgument();
        var options = new PruneOptions
        {
            DryRun = context.Get(SharedOptions.DryRun),
            Force = context.Get(SharedOptions.Force),
            Now = context.Get(Now),
            Grace = context.Get(Grace) ?? PruneOptions.DefaultGrace,
            RecoveryWindow = context.Get(RecoveryWindow),
        };
        var result = new RepositoryPrune(repository, context.Sink).Run(options, context.Cancellation);
        context.Output.Outcome(
            result,
            $"{(result.DryRun ? "Would free" : "Freed")} {ByteSize.Format(result.Freed)} of {ByteSize.Format(result.SizeBefore)}: "
            + $"{result.PacksRemoved:N0} packs removed, {result.PacksRewritten:N0} rewritten, {result.ObjectsRemoved:N0} other objects, in {Tables.Elapsed(result.Elapsed)}."
            + (result.SizeDoomed > 0 ? $" {ByteSize.Format(result.SizeDoomed)} more is doomed: a prune after {Tables.Elapsed(options.Grace)} frees it, or one with --now where nobody else works in the repository." : ""));
        return ExitCode.Done;
    }
}
