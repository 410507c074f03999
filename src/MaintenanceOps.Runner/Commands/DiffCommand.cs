using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class DiffCommand : RunnerCommand
{
    private static readonly Argument<string> Reference = new("reference") { HelpName = "reference", Description = "The older snapshot." };
    private static readonly Argument<string> Difference = new("difference") { HelpName = "difference", Description = "The newer snapshot." };

    static DiffCommand()
    {
        Reference.CompletionSources.Add(SharedOptions.Snapshot.GetCompletions);
        Difference.CompletionSources.Add(SharedOptions.Snapshot.GetCompletions);
    }

    public DiffCommand()
        : base(
            "diff",
            "Tell how two snapshots differ: files added, removed, changed; rows of tables.",
            "mops diff 3f2a9c11 latest --source notes/main",
            "mops diff 3f2a9c11 9b04d7e2 --json") =>
        Use(Reference, Difference, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.Source);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        var catalog = new SnapshotCatalog(repository);
        var reference = catalog.Find(context.Get(Reference)!, context.Latest(), context.Sink);
        var difference = catalog.Find(context.Get(Difference)!, context.Latest(), context.Sink);
        var differences = new SnapshotComparison(repository, context.Sink).Run(reference, difference, context.Cancellation);
        context.Output.Table(differences, Tables.Differences);
        if (differences.Count == 0)
        {
            context.Output.Text($"{reference.ShortId} and {difference.ShortId} hold the same.");
        }

        return ExitCode.Done;
    }
}
