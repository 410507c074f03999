using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Globalization;
using MaintenanceOps.Runner.Commands;

namespace MaintenanceOps.Runner.Cli;

/// <summary>The whole command line: parse, refuse or run, and turn the outcome into an exit code.</summary>
internal static class CommandLine
{
    public static int Run(string[] args)
    {
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        CultureInfo.DefaultThreadCurrentCulture = CultureInfo.InvariantCulture;

        // The parser would take the next word for the value, and an unset variable of a script leads here.
        if (Array.Find(args, a => a.StartsWith("--", StringComparison.Ordinal) && a.IndexOf('=', StringComparison.Ordinal) == a.Length - 1) is { } empty)
        {
            new ErrorReport(args.Contains("--json")).Write(nameof(ErrorCode.InvalidArgument), $"'{empty}' has no value. Is a variable not set?", null);
            return (int)UsageOf(args);
        }

        // No response files: an argument that begins with @ is a name like any other.
        var result = Root(args).Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (MisplacedConnection.In(result))
        {
            new ErrorReport(args.Contains("--json")).Write(nameof(ErrorCode.InvalidArgument), $"A connection string stands where a path or a name is expected, and is not shown. Give it whole and in quotes, with --connection-string where '{NameOf(result.CommandResult.Command)}' takes one, or better as env:NAME from a variable. A path that looks like one is written ./path.", null);
            return (int)ExitCode.Usage;
        }

        if (Stray(result, args) is { } stray)
        {
            new ErrorReport(args.Contains("--json")).Write(nameof(ErrorCode.InvalidArgument), $"'{stray}' is no option. See '{NameOf(result.CommandResult.Command)} --help'.", null);
            return (int)UsageOf(args);
        }

        if (result.Action is ParseErrorAction)
        {
            return Refuse(result, args) is var code && code == ExitCode.Usage ? (int)UsageOf(args) : (int)code;
        }

        return result.Invoke(new InvocationConfiguration { EnableDefaultExceptionHandler = false, ProcessTerminationTimeout = null });
    }

    /// <summary>A server that recovers takes every code up to 125 for the end of the log, also that of a misspelt command.</summary>
    private static ExitCode UsageOf(string[] args) => args is ["wal-fetch", ..] ? ExitCode.RecoveryMustStop : ExitCode.Usage;

    /// <summary>The commands in the order in which the help lists them.</summary>
    private static readonly (string Name, Func<Command> Make)[] Commands =
    [
        ("demo", () => new DemoCommand()),
        ("backup", () => new BackupCommand()),
        ("list", () => new ListCommand()),
        ("items", () => new ItemsCommand()),
        ("test", () => new TestCommand()),
        ("restore", () => new RestoreCommand()),
        ("diff", () => new DiffCommand()),
        ("copy", () => new CopyCommand()),
        ("export", () => new ExportCommand()),
        ("remove", () => new RemoveCommand()),
        ("retention", () => new RetentionCommand()),
        ("repo", () => new RepoCommand()),
        ("health", () => new HealthCommand()),
        ("database", () => new DatabaseCommand()),
        ("optimize", () => new OptimizeCommand()),
        ("mode", () => new ModeCommand()),
        ("wal-push", () => new WalPushCommand()),
        ("wal-fetch", () => new WalFetchCommand()),
        ("completion", () => new CompletionCommand()),
    ];

    /// <summary>The one that is named first: a server waits for each wal-push, and all commands take longer to make than it to run. Else all of them.</summary>
    private static IEnumerable<Func<Command>> Wanted(string[] args) =>
        args.Length > 0 && Array.Find(Commands, c => c.Name == args[0]) is { Make: { } only } ? [only] : Commands.Select(c => c.Make);

    /// <summary>The options of every command.</summary>
    public static IEnumerable<Option> AllOptions() => Commands.Select(c => c.Make()).SelectMany(OptionsOf);

    private static IEnumerable<Option> OptionsOf(Command command) => command.Options.Concat(command.Subcommands.SelectMany(OptionsOf));

    private static RootCommand Root(string[] args)
    {
        var root = new RootCommand("Backs up databases and files, proves that the backups restore, and brings them back; checks health, keeps databases in shape, closes an application for a while.");
        root.Options.Add(SharedOptions.Json);
        root.Options.Add(SharedOptions.Quiet);
        root.Options.Add(SharedOptions.Verbose);
        foreach (var command in Wanted(args))
        {
            root.Subcommands.Add(command());
        }

        // The library's own has aliases such as /? too, which completion would offer before every path.
        root.Options.Remove(root.Options.OfType<HelpOption>().First());
        var help = new HelpOption("--help", "-h") { Description = "Show this help.", Recursive = true };
        help.Action = new HelpWithExamples((HelpAction)help.Action!);
        root.Options.Add(help);

        return root;
    }

    /// <summary>A misspelt option would be taken for a path where a command takes any number of them. What stands behind <c>--</c> is a path.</summary>
    private static string? Stray(ParseResult result, string[] args) => args.Contains("--")
        ? null
        : result.CommandResult.Children.OfType<System.CommandLine.Parsing.ArgumentResult>()
            .SelectMany(a => a.Tokens)
            .Select(t => t.Value)
            .FirstOrDefault(v => v.StartsWith("--", StringComparison.Ordinal));

    private static ExitCode Refuse(ParseResult result, string[] args)
    {
        var command = NameOf(result.CommandResult.Command);
        var json = args.Contains("--json");
        if (result.CommandResult.Command is not RunnerCommand && result.CommandResult.Command.Subcommands.Count > 0 && result.UnmatchedTokens.Count == 0 && result.Errors.Count == 1 && !json)
        {
            // `mops` or `mops repo` alone: the list of commands is the answer.
            result.CommandResult.Command.Parse("--help").Invoke(new InvocationConfiguration { Output = Console.Error });
            return ExitCode.Usage;
        }

        var message = $"{string.Join(' ', result.Errors.Select(e => e.Message).Distinct())} See '{command} --help'.";
        new ErrorReport(json).Write(nameof(ErrorCode.InvalidArgument), message, null);
        return ExitCode.Usage;
    }

    /// <summary>The command as a user types it, such as <c>mops repo new</c>.</summary>
    public static string NameOf(Command command)
    {
        var parent = command.Parents.OfType<Command>().FirstOrDefault();
        return parent is null ? "mops" : $"{NameOf(parent)} {command.Name}";
    }
}
