using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class ItemsCommand : RunnerCommand
{
    private static readonly Option<string[]> Patterns = new("--path") { Description = "Only paths that fit, as in a .gitignore; only tables that fit, with * and ?.", HelpName = "pattern", DefaultValueFactory = _ => [] };

    public ItemsCommand()
        : base(
            "items",
            "List the files in a snapshot, or the tables of a database.",
            "mops items latest --source notes/main",
            "mops items 3f2a9c11 --path 'uploads/**'") =>
        Use(SharedOptions.Snapshot, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.Source, Patterns);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        var items = new SnapshotItems(repository).List(context.FindSnapshot(repository), context.Get(Patterns)!, context.Cancellation);
        context.Output.Table(items, Tables.Items);
        return ExitCode.Done;
    }
}
