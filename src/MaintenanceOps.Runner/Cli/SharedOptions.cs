using System.CommandLine;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Runner.Cli;

/// <summary>The options and arguments that several commands have. The same word means the same thing everywhere.</summary>
internal static class SharedOptions
{
    public static readonly Option<bool> Json = new("--json") { Description = "Write one JSON object a line, errors too.", Recursive = true };

    public static readonly Option<bool> Quiet = new("--quiet", "-q") { Description = "Write only what was asked for, warnings and errors.", Recursive = true };

    public static readonly Option<bool> Verbose = new("--verbose", "-v") { Description = "Write also what is worth knowing only when one looks for it.", Recursive = true };

    public static readonly Option<string> Repository = new("--repository", "-r")
    {
        Description = "Where the snapshots live: a folder or s3://bucket/prefix. [env: MAINTENANCEOPS_REPOSITORY]",
        HelpName = "location",
    };

    public static readonly Argument<string> RepositoryArgument = new("repository")
    {
        Description = "A folder or s3://bucket/prefix. [env: MAINTENANCEOPS_REPOSITORY]",
        Arity = ArgumentArity.ZeroOrOne,
    };

    public static readonly Option<string> KeyFile = new("--key-file")
    {
        Description = "A file with the passphrase. [env: MAINTENANCEOPS_PASSPHRASE_FILE, MAINTENANCEOPS_PASSPHRASE]",
        HelpName = "path",
    };

    public static readonly Argument<string> Snapshot = Completed(new Argument<string>("snapshot") { HelpName = "snapshot", Description = "A snapshot's id, the beginning of one, or 'latest'." });

    public static readonly Option<string> Source = Sources(new Option<string>("--source", "-s") { Description = "The source that 'latest' means, where there are several.", HelpName = "name" });

    public static readonly Option<string[]> SourcePatterns = Sources(new Option<string[]>("--source", "-s") { Description = "Only these sources; * and ? stand for any characters.", HelpName = "name", DefaultValueFactory = _ => [] });

    public static readonly Option<string[]> Tags = new("--tag") { Description = "Only snapshots with all of these tags.", HelpName = "word", DefaultValueFactory = _ => [] };

    public static readonly Option<bool> Verified = new("--verified") { Description = "Let 'latest' mean the newest snapshot that is complete and was checked or restored." };

    public static readonly Option<bool> Strict = new("--strict") { Description = "Bring back everything or nothing: an object that cannot be restored undoes the restore." };

    public static readonly Option<bool> Force = new("--force") { Description = "Go on where something exists, is in use or looks wrong." };

    public static readonly Option<bool> DryRun = new("--dry-run", "--what-if") { Description = "Tell what would be done, and do nothing." };

    public static readonly Option<bool> Initialize = new("--initialize") { Description = "Make the repository where there is none." };

    public static readonly Option<string> TargetTimeline = new("--target-timeline") { Description = "The timeline that a recovery goes along: latest, current (that of the base backup) or a number.", HelpName = "timeline" };

    public static readonly Option<string> ClientPath = new("--client-path") { Description = "The folder of PostgreSQL's own programs. [default: the PATH, then the usual places]", HelpName = "folder" };

    public static readonly Option<string[]> ClientPrefix = new("--client-prefix") { Description = "Words in front of them, such as: docker compose exec -T db.", HelpName = "word", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };

    public static ClientToolOptions ClientTools(RunnerContext context) => new() { Path = context.Get(ClientPath), Prefix = context.Get(ClientPrefix)! };

    /// <summary>A level, with its names offered and checked.</summary>
    public static Option<VerificationLevel> Level(params VerificationLevel[] allowed)
    {
        var names = allowed.Select(l => l.ToString().ToLowerInvariant()).ToArray();
        var option = new Option<VerificationLevel>("--level", "-l")
        {
            Description = $"How thoroughly: {string.Join(", ", names)}.",
            HelpName = string.Join('|', names),
            CustomParser = result => Values.Level(result, allowed),
            DefaultValueFactory = _ => allowed[0],
        };

        // Without the names that the type itself would offer: not every level fits every command.
        option.CompletionSources.Clear();
        option.CompletionSources.Add(names);
        return option;
    }

    private static Argument<string> Completed(Argument<string> argument)
    {
        argument.CompletionSources.Add(_ => FromRepository(c => [.. c.List().Reverse().Take(50).Select(s => s.ShortId).Prepend(SnapshotReference.Latest)]));
        return argument;
    }

    private static Option<T> Sources<T>(Option<T> option)
    {
        option.CompletionSources.Add(_ => FromRepository(c => [.. c.List().Select(s => s.Source).Distinct()]));
        return option;
    }

    /// <summary>Names from the environment's repository. Completion must never fail loudly, nor ask for anything.</summary>
    private static IEnumerable<System.CommandLine.Completions.CompletionItem> FromRepository(Func<SnapshotCatalog, IReadOnlyList<string>> names)
    {
        try
        {
            if (Environment.GetEnvironmentVariable(RepositoryAccess.Variable) is not { Length: > 0 } location)
            {
                return [];
            }

            using var repository = Engine.Snapshots.Repository.Open(location);
            return [.. names(new SnapshotCatalog(repository)).Select(n => new System.CommandLine.Completions.CompletionItem(n))];
        }
        catch (MaintenanceException)
        {
            return [];
        }
    }
}
