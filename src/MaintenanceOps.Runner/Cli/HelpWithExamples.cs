using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using MaintenanceOps.Runner.Commands;

namespace MaintenanceOps.Runner.Cli;

/// <summary>The library's help, and below it what people look for first: examples.</summary>
internal sealed class HelpWithExamples : SynchronousCommandLineAction
{
    private const int Width = 100;
    private readonly HelpAction help;

    public HelpWithExamples(HelpAction help)
    {
        this.help = help;
        help.MaxWidth = Width;
    }

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        var code = help.Invoke(parseResult);
        var output = parseResult.InvocationConfiguration.Output;
        var command = parseResult.CommandResult.Command;
        var examples = command switch
        {
            RunnerCommand runner => runner.Examples,
            RootCommand => [
                "mops demo",
                "mops repo new /mnt/backup/notes",
                "mops backup /srv/notes/notes.db --repository /mnt/backup/notes --source notes/main",
                "mops test latest --repository /mnt/backup/notes --level restore",
                "mops restore latest --repository /mnt/backup/notes --destination /tmp/notes.db",
                "mops health maintenance.yaml",
                "mops optimize /srv/notes/notes.db --time-limit 30m",
            ],
            _ => command.Subcommands.OfType<RunnerCommand>().Select(c => c.Examples[0]).ToArray(),
        };
        output.WriteLine("Examples:");
        foreach (var example in examples)
        {
            output.WriteLine($"  {example}");
        }

        output.WriteLine();
        if (command is RootCommand)
        {
            output.WriteLine("Environment:");
            output.WriteLine("  MAINTENANCEOPS_REPOSITORY       the repository where --repository is not given");
            output.WriteLine("  MAINTENANCEOPS_PASSPHRASE_FILE  a file with the passphrase of an encrypted repository");
            output.WriteLine("  MAINTENANCEOPS_PASSPHRASE       the passphrase itself, where there is no file");
            output.WriteLine("  MAINTENANCEOPS_STATE            the folder where health keeps its history");
            output.WriteLine("  MAINTENANCEOPS_DEBUG            1 adds stack traces to errors");
            output.WriteLine();
            output.WriteLine("Exit codes: 0 done, 1 failed, 2 usage, 3 unhealthy or not verified, 130 interrupted.");
            output.WriteLine();
        }

        return code;
    }
}
