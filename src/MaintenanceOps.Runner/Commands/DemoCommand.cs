using System.CommandLine;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Demo;

namespace MaintenanceOps.Runner.Commands;

internal sealed class DemoCommand : RunnerCommand
{
    private static readonly Option<string> Keep = new("--keep") { Description = "Work in this folder, new or empty, and leave everything there.", HelpName = "folder" };

    public DemoCommand()
        : base(
            "demo",
            "Show it all in a temporary folder: back up a live application, lose its data, prove a snapshot, bring it back.",
            "mops demo",
            "mops demo --keep ./mops-demo") =>
        Use(Keep);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var place = DemoFolder.Create(context.Get(Keep));
        var result = new DemoStory(place.Path, context).Run();
        context.Output.Record(result);
        context.Output.Text(place.IsKept
            ? $"Everything is in {place.Path}. Look around: mops list --repository {Path.Combine(place.Path, DemoStory.RepositoryName)}"
            : "The demo's folder is removed again. Next: mops repo new --help");
        return result.Passed ? ExitCode.Done : ExitCode.Failed;
    }
}
