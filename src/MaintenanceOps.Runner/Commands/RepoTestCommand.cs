using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoTestCommand : RunnerCommand
{
    private static readonly Option<VerificationLevel> Level = SharedOptions.Level(VerificationLevel.Quick, VerificationLevel.Full);

    public RepoTestCommand()
        : base(
            "test",
            "Look at every object of a repository and tell which snapshots any damage hurts. Exit code 3 where there is any.",
            "mops repo test /mnt/backup/notes",
            "mops repo test --level full --json") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, SharedOptions.KeyFile, Level);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepositoryArgument();
        var level = context.Get(Level);
        var findings = new List<RepositoryFinding>();
        foreach (var finding in new RepositoryCheck(repository, context.Sink).Run(level, context.Cancellation))
        {
            var told = finding with { Message = Words.ForConsole(finding.Message), Action = Words.ForConsole(finding.Action) };
            context.Output.Record(told);
            findings.Add(told);
        }

        if (!context.Output.IsJson)
        {
            foreach (var finding in findings)
            {
                context.Output.Text($"{finding.Severity.ToString().ToLowerInvariant()}: {finding.Message} {finding.Action}".TrimEnd());
                foreach (var hurt in finding.Snapshots)
                {
                    context.Output.Text($"  snapshot {hurt[..Math.Min(8, hurt.Length)]}");
                }
            }
        }

        var healthy = findings.TrueForAll(f => f.Severity == FindingSeverity.Information);
        if (healthy)
        {
            context.Output.Text($"{repository.Location} is whole ({level.ToString().ToLowerInvariant()} check).");
        }

        return healthy ? ExitCode.Done : ExitCode.Unhealthy;
    }
}
