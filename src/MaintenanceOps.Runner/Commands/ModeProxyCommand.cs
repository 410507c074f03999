using System.CommandLine;
using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class ModeProxyCommand : RunnerCommand
{
    private static readonly Argument<ProxyKind> Kind = Kinds();

    private static readonly Option<string?> FlagPath = new("--flag-path", "--flag") { Description = "The flag, as the web server sees it: an absolute path; or a plan (.yaml) that names it.", HelpName = "path", Required = true };

    private static readonly Option<string> OutputPath = new("--output-path", "--output") { Description = "The folder that the files go to.", HelpName = "folder", Required = true };

    private static readonly Option<string?> PagePath = new("--page-path", "--page") { Description = "The page; one that is there stays. [default: in the folder]", HelpName = "path" };

    private static readonly Option<string[]> ExemptPath = new("--exempt-path", "--exempt") { Description = "Stays open: /health is that path, /static/* all below.", HelpName = "path", DefaultValueFactory = _ => [] };

    private static readonly Option<string[]> BypassAddress = new("--bypass-address", "--bypass") { Description = "Is let in: an address or a network.", HelpName = "cidr", DefaultValueFactory = _ => [] };

    private static readonly Option<TimeSpan?> RetryAfter = new("--retry-after") { Description = "When users should come back. [default: 10m]", HelpName = "duration", CustomParser = Values.Duration };

    private static readonly Option<string?> Application = new("--name") { Description = "The application; names begin with it. [default: app]", HelpName = "word" };

    private static readonly Option<string?> Title = new("--title") { Description = "The heading of the page.", HelpName = "text" };

    private static readonly Option<string?> Message = new("--message") { Description = "What the page says below it.", HelpName = "text" };

    private static readonly Option<string?> Upstream = new("--upstream") { Description = "Traefik: where it reaches its gate.", HelpName = "url" };

    public ModeProxyCommand()
        : base(
            "proxy",
            "Write what a web server needs to heed the flag: nginx, traefik, caddy or haproxy.",
            "mops mode proxy nginx --flag /run/notes/maintenance.flag --output /etc/nginx/notes",
            "mops mode proxy caddy --flag /run/notes/flag --output . --exempt /health --dry-run") =>
        Use(Kind, FlagPath, OutputPath, PagePath, ExemptPath, BypassAddress, RetryAfter, Application, Title, Message, Upstream, SharedOptions.Force, SharedOptions.DryRun);

    protected override ExitCode Execute(RunnerContext context)
    {
        var (force, dry) = (context.Get(SharedOptions.Force), context.Get(SharedOptions.DryRun));
        foreach (var file in ProxyConfig.Plan(Read(context), force))
        {
            context.Cancellation.ThrowIfCancellationRequested();
            if (!dry)
            {
                ProxyConfig.Write(file, force);
            }

            context.Output.Outcome(new WrittenFile(file.Path, file.Size, !dry), $"{(dry ? "Would write" : "Wrote")} {file.Path} ({ByteSize.Format(file.Size)}).");
        }

        return ExitCode.Done;
    }

    private static ProxyConfigOptions Read(RunnerContext context)
    {
        var (kind, flag, output) = (context.Get(Kind), context.Get(FlagPath)!, context.Get(OutputPath)!);
        var options = PlanFile.IsNamed(flag) ? ProxyConfigOptions.Of(PlanFile.Load(flag), kind, output) : new ProxyConfigOptions { Kind = kind, FlagPath = flag, OutputPath = output };
        return options with
        {
            PagePath = context.Get(PagePath) is { } page ? Path.GetFullPath(page) : options.PagePath,
            ExemptPath = context.Get(ExemptPath) is { Length: > 0 } exempt ? exempt : options.ExemptPath,
            BypassAddress = context.Get(BypassAddress)!,
            RetryAfter = context.Get(RetryAfter) ?? options.RetryAfter,
            Name = context.Get(Application) ?? options.Name,
            Title = context.Get(Title) ?? options.Title,
            Message = context.Get(Message) ?? options.Message,
            Upstream = context.Get(Upstream),
        };
    }

    private static Argument<ProxyKind> Kinds()
    {
        var names = Enum.GetNames<ProxyKind>().Select(n => n.ToLowerInvariant()).ToArray();
        var kind = new Argument<ProxyKind>("kind")
        {
            Description = $"{string.Join(", ", names)}.",
            CustomParser = result =>
            {
                var text = result.Tokens[0].Value;
                if (names.Contains(text.ToLowerInvariant()))
                {
                    return Enum.Parse<ProxyKind>(text, ignoreCase: true);
                }

                result.AddError($"There is no configuration for '{text}'. Use {string.Join(", ", names)}.");
                return default;
            },
        };
        kind.CompletionSources.Clear();
        kind.CompletionSources.Add(names);
        return kind;
    }
}
