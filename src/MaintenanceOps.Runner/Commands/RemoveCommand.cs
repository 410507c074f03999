using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RemoveCommand : RunnerCommand
{
    private static readonly Argument<string[]> Ids = new("snapshot") { HelpName = "snapshot", Description = "Snapshot ids, or the beginnings of them.", Arity = ArgumentArity.OneOrMore };

    static RemoveCommand() => Ids.CompletionSources.Add(SharedOptions.Snapshot.GetCompletions);

    public RemoveCommand()
        : base(
            "remove",
            "Remove snapshots. The space becomes free with the next 'mops repo prune'.",
            "mops remove 3f2a9c11",
            "mops remove 3f2a9c11 9b04d7e2 --dry-run") =>
        Use(Ids, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.Source, SharedOptions.DryRun);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        var catalog = new SnapshotCatalog(repository);

        // All are found before the first one goes: a slip in the third id removes nothing.
        var snapshots = context.Get(Ids)!.Select(id => catalog.FindToRemove(id, context.Get(SharedOptions.Source))).DistinctBy(s => s.Id).ToList();
        var dryRun = context.Get(SharedOptions.DryRun);
        foreach (var snapshot in snapshots)
        {
            context.Cancellation.ThrowIfCancellationRequested();
            if (!dryRun)
            {
                catalog.Remove(snapshot.Id);
            }

            context.Output.Outcome(
                new RemovalResult(snapshot.Id, snapshot.Repository, snapshot.Source, !dryRun),
                $"{(dryRun ? "Would remove" : "Removed")} {snapshot.ShortId} of {snapshot.Source}, taken {Tables.Time(snapshot.Created)} UTC.");
        }

        return ExitCode.Done;
    }
}
