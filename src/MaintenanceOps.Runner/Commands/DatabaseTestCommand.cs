using System.CommandLine;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class DatabaseTestCommand : RunnerCommand
{
    private static readonly Option<VerificationLevel> Level = SharedOptions.Level(VerificationLevel.Quick, VerificationLevel.Full);

    public DatabaseTestCommand()
        : base(
            "test",
            "Check the content. Exit code 3 where something is wrong, or could not be checked.",
            "mops database test notes.db --level full",
            "mops database test --connection-string postgresql://check@db/app") =>
        Use([.. DatabaseOptions.All, Level]);

    protected override ExitCode Execute(RunnerContext context)
    {
        var results = new List<IntegrityResult>();
        try
        {
            foreach (var target in DatabaseOptions.Targets(context))
            {
                DatabaseUpkeep.Check(target, context.Get(Level), context.Sink, results.Add, context.Cancellation);
            }
        }
        finally
        {
            // What was found in the first one is told though the second one cannot be opened.
            context.Output.Table(results, Tables.IntegrityResults);
            context.Output.Text([.. results.SelectMany(r => r.Problems)]);
        }

        return results.TrueForAll(r => r.Passed) ? ExitCode.Done : ExitCode.Unhealthy;
    }
}
