using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class ListCommand : RunnerCommand
{
    private static readonly Option<bool> Latest = new("--latest") { Description = "Only the newest of each source." };
    private static readonly Option<bool> Verified = new("--verified") { Description = "Only snapshots that are complete and were checked or restored." };
    private static readonly Option<DateTimeOffset?> Before = new("--before") { Description = "Only older ones: 2026-11-21, 2026-11-21T03:00 (UTC), or an age such as 7d.", HelpName = "moment", CustomParser = Values.Moment };
    private static readonly Option<DateTimeOffset?> After = new("--after") { Description = "Only those taken then or later.", HelpName = "moment", CustomParser = Values.Moment };

    public ListCommand()
        : base(
            "list",
            "List the snapshots of a repository, oldest first.",
            "mops list",
            "mops list --source 'notes/*' --latest --verified",
            "mops list --after 7d --json | jq -r .id") =>
        Use(SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.SourcePatterns, SharedOptions.Tags, Latest, Verified, Before, After);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        var filter = new SnapshotFilter
        {
            Sources = context.Get(SharedOptions.SourcePatterns)!,
            Tags = context.Get(SharedOptions.Tags)!,
            Latest = context.Get(Latest),
            Verified = context.Get(Verified),
            Before = context.Get(Before),
            After = context.Get(After),
        };
        var catalog = new SnapshotCatalog(repository);
        catalog.RequireSources(filter.Sources);
        context.Output.Table(catalog.List(filter, context.Sink, unreadableToo: true), Tables.Snapshots);
        return ExitCode.Done;
    }
}
