using System.CommandLine;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class TestCommand : RunnerCommand
{
    private static readonly Option<VerificationLevel> Level = SharedOptions.Level(VerificationLevel.Quick, VerificationLevel.Full, VerificationLevel.Restore);
    private static readonly Option<string[]> Assert = new("--assert") { Description = "SQL that must give a true value in the restored database.", HelpName = "sql", DefaultValueFactory = _ => [] };

    private static readonly Option<string> Database = new("--database") { Description = "Of a PostgreSQL cluster: the database that --assert asks. [default: postgres]", HelpName = "name" };

    private static readonly Option<string> PointInTime = new("--point-in-time", "-t") { Description = "Of a PostgreSQL cluster: recover from the log archive to this target before it is asked, as with restore.", HelpName = "target" };

    public TestCommand()
        : base(
            "test",
            "Prove snapshots: that their objects are there, that every byte is right, or by a real restore. Exit code 3 where one fails.",
            "mops test latest --source notes/main --level restore",
            "mops test latest --source notes/main --assert 'select count(*) > 0 from notes'",
            "mops test --all --level full") =>
        Use(SnapshotSelection.Id, SharedOptions.Repository, SharedOptions.KeyFile, SharedOptions.SourcePatterns, SharedOptions.Tags, SnapshotSelection.All, Level, Assert, Database, PointInTime, SharedOptions.TargetTimeline);

    protected override ExitCode Execute(RunnerContext context)
    {
        SnapshotSelection.Check(context);
        using var repository = context.OpenRepository();
        var options = new ProofOptions { Level = context.Get(Level), Assert = context.Get(Assert)!, Database = context.Get(Database), Recovery = context.Get(PointInTime) is { } target ? RecoveryTarget.Parse(target, context.Get(SharedOptions.TargetTimeline)) : null };
        var proof = new SnapshotProof(repository, context.Sink);
        var tests = new List<SnapshotTest>();
        foreach (var snapshot in SnapshotSelection.Of(context, repository))
        {
            var test = proof.Run(snapshot, options, context.Cancellation);
            context.Output.Record(test);
            tests.Add(test);
        }

        if (!context.Output.IsJson)
        {
            context.Output.Table(tests, Tables.Tests);
            foreach (var reached in tests.Select(t => t.Recovered).OfType<RecoveryReached>())
            {
                context.Output.Text(reached.ToString());
            }

            foreach (var finding in tests.SelectMany(t => t.Findings))
            {
                context.Output.Text($"{finding.Severity.ToString().ToLowerInvariant()}: {Words.ForConsole(finding.Message)} {Words.ForConsole(finding.Action)}".TrimEnd());
            }
        }

        return tests.TrueForAll(t => t.Passed) ? ExitCode.Done : ExitCode.Unhealthy;
    }
}
