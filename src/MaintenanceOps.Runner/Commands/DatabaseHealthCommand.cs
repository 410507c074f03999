using System.CommandLine;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class DatabaseHealthCommand : RunnerCommand
{
    private static readonly Option<FindingSeverity> Severity = new("--severity") { Description = $"The least grave that are told: {string.Join(", ", Enum.GetNames<FindingSeverity>()).ToLowerInvariant()}. [default: information]", HelpName = "severity", CustomParser = r => Values.Word(r, r.Tokens[0].Value, "severity", Enum.GetValues<FindingSeverity>()) };

    public DatabaseHealthCommand()
        : base(
            "health",
            "Tell what there is to know and to mend, the gravest first. Exit code 3 where something is lost or about to be.",
            "mops database health notes.db",
            "mops database health --connection-string env:DATABASE_URL --json",
            "mops database health maintenance.yaml --severity warning") =>
        Use([.. DatabaseOptions.All, Severity]);

    protected override ExitCode Execute(RunnerContext context)
    {
        var all = DatabaseOptions.Targets(context).SelectMany(t => DatabaseUpkeep.Inspect(t, context.Sink, context.Cancellation)).ToArray();
        var findings = all.Where(f => f.Severity >= context.Get(Severity)).ToArray();
        context.Output.Table(findings, Tables.DatabaseFindings);
        foreach (var finding in findings.Where(f => f.Sql.Length > 0 || f.Advice.Length > 0))
        {
            context.Output.Text([$"{finding.Rule}{(finding.Object.Length > 0 ? $" {finding.Object}" : "")}: {Words.ForConsole(finding.Advice)}".TrimEnd(' ', ':'), .. finding.Sql.Length > 0 ? new[] { $"    {finding.Sql}" } : []]);
        }

        return Array.Exists(all, f => f.Severity == FindingSeverity.Error) ? ExitCode.Unhealthy : ExitCode.Done;
    }
}
