using System.CommandLine;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Health.Probes.Redis;
using MaintenanceOps.Engine.Health.Probes.Tls;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Engine.Programs;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

/// <summary>What can be asked, as options: a plan, web addresses, and the other kinds of probes beside them.</summary>
internal static class HealthOptions
{
    public static readonly Option<bool> Strict = new("--strict") { Description = "Take degraded as down." };

    public static readonly Option<string> HistoryPath = new("--history-path") { Description = "The folder where streaks are kept from run to run.", HelpName = "folder" };

    private static readonly Argument<string[]> Targets = new("target") { Description = "Web addresses, or the path of a plan.", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string[]> Names = Many("--name", "name", "Which checks of a plan, with wildcards; or what a single check is called.");
    private static readonly Option<string[]> Tcp = Many("--tcp-endpoint", "host:port", "A port to connect to.", "--tcp");
    private static readonly Option<string[]> Tls = Many("--tls-endpoint", "host:port", "A server whose certificates are looked at.", "--tls");
    private static readonly Option<string[]> Paths = Many("--path", "path", "A SQLite database.");
    private static readonly Option<string[]> ConnectionString = Many("--connection-string", "server", "A PostgreSQL database, or env:NAME for a variable that names it.", "-c");
    private static readonly Option<string[]> Disk = Many("--disk", "path", "A path whose volume is looked at.");
    private static readonly Option<bool> Memory = new("--memory") { Description = "The memory of this machine." };
    private static readonly Option<string[]> Process = Many("--process", "name", "A program that should run.");
    private static readonly Option<string[]> Container = Many("--container", "name", "A container of Docker or Podman.");
    private static readonly Option<string[]> Redis = Many("--redis", "host:port", "A Redis server; its password is taken from REDISCLI_AUTH.");
    private static readonly Option<string[]> Command = Many("--command", "line", "A line for the shell, whose exit code says how it stands.");
    private static readonly Option<SnapshotState?> State = new("--state") { Description = "What a good snapshot must have come to. [default: databases checked, files written]", HelpName = "written|checked|restored", CustomParser = Values.State };
    private static readonly Option<TimeSpan?> MaxAge = new("--max-age") { Description = "An older newest good snapshot of --source is unhealthy. [default: 26h]", HelpName = "duration", CustomParser = Values.Duration };
    private static readonly Option<string> ExpectStatus = One("--expect-status", "status", "Which HTTP statuses are right: 200, 2xx, 200-299,401.");
    private static readonly Option<string[]> ExpectJson = Many("--expect-json", "path=value", "A place in a JSON answer and what should stand there: status=healthy, queue.length='< 100'.");
    private static readonly Option<string> ExpectBody = One("--expect-body", "text", "What the answer should be; '~ pattern' looks for a regular expression.");
    private static readonly Option<string> Expect = One("--expect", "value", "What a greeting, a program's output or a query's value should be.");
    private static readonly Option<string> Query = One("--query", "sql", "SQL whose first value counts.");
    private static readonly Option<string> CertificateFile = One("--certificate-file", "path", "The certificate that should be the one that is served.");
    private static readonly Option<string> AuthorityFile = One("--authority-file", "path", "A PEM file with the authorities to trust.");
    private static readonly Option<string> ServerName = One("--server-name", "name", "The name to find in the certificate.");
    private static readonly Option<string> Degraded = One("--degraded", "amount", "Degraded where less is left: 20%, 10GiB.");
    private static readonly Option<string> Unhealthy = One("--unhealthy", "amount", "Unhealthy where less is left.");
    private static readonly Option<string> EngineSocket = One("--engine-socket", "path", "The socket of the container engine.");
    private static readonly Option<TimeSpan?> DegradedAfter = new("--degraded-after") { Description = "A look that is well but takes longer is degraded.", HelpName = "duration", CustomParser = Values.Duration };

    public static IEnumerable<Symbol> All =>
    [
        Targets, Names, Tcp, Tls, Paths, ConnectionString, Disk, Memory, Process, Container, Redis, Command,
        SharedOptions.Repository, SharedOptions.Source, SharedOptions.KeyFile, MaxAge, State, ExpectStatus, ExpectJson, ExpectBody, Expect, Query,
        CertificateFile, AuthorityFile, ServerName, Degraded, Unhealthy, EngineSocket, DegradedAfter, Strict,
    ];

    /// <summary>The checks that the command line names.</summary>
    /// <param name="context">The command line.</param>
    /// <param name="dress">Puts what the command itself says in the place of what a check, or its plan, says.</param>
    /// <exception cref="MaintenanceException">None is named, or one makes no sense.</exception>
    public static (IReadOnlyList<HealthCheck> Checks, PlanFile? Plan) Checks(RunnerContext context, Func<HealthCheck, HealthCheck> dress)
    {
        var targets = context.Get(Targets)!;
        if (Array.Find(targets, t => !IsAddress(t) && !PlanFile.IsNamed(t)) is { } neither)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"{SecretText.Show(neither)} is neither a web address (http://…) nor a plan (.yaml). A database goes with --path.", neither);
        }

        if (targets.Count(t => !IsAddress(t)) > 1)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "One plan at a time can be asked.");
        }

        if (context.Get(SharedOptions.Repository) is not null && context.Get(SharedOptions.Source) is null)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Say with --source whose backup in the repository is meant.");
        }

        var plan = targets.FirstOrDefault(t => !IsAddress(t)) is { } path ? PlanFile.Load(path) : null;
        var probes = targets.Where(IsAddress).Select(t => (IProbe)Http(context, t)).Concat(Others(context)).DistinctBy(HealthCheck.UsualName).ToArray();
        string NameOf(IProbe probe) => plan is null && probes.Length == 1 && context.Get(Names) is [var only] ? only : HealthCheck.UsualName(probe);
        HealthCheck[] checks =
        [
            .. plan is null ? [] : HealthPlan.Checks(plan, context.Get(Names)),
            .. probes.Select(p => new HealthCheck { Name = NameOf(p), Probe = p }),
        ];
        return checks.Length > 0
            ? ([.. checks.Select(c => dress(c with { DegradedAfter = context.Get(DegradedAfter) ?? c.DegradedAfter }))], plan)
            : throw new MaintenanceException(ErrorCode.InvalidArgument, "Say what to look at: a web address, a plan, or an option such as --disk /.");
    }

    private static bool IsAddress(string target) => target.Contains("://", StringComparison.Ordinal);

    private static HttpProbe Http(RunnerContext context, string target) => new(
        new HttpQuestion { Uri = WebAddress.Parse(target), Trust = Trust(context) },
        new HttpExpectation(context.Get(ExpectStatus), context.Get(ExpectJson)!.Select(Values.Pair), context.Get(ExpectBody)));

    private static IEnumerable<IProbe> Others(RunnerContext context) =>
    [
        .. context.Get(Tcp)!.Select(e => new TcpProbe(e, context.Get(Expect))),
        .. context.Get(Tls)!.Select(e => Certificates(context, e)),
        .. context.Get(Paths)!.Select(p => new SqliteProbe(Path.GetFullPath(p), Question(context))),
        .. context.Get(ConnectionString)!.Select(c => new PostgresProbe(Values.FromEnvironment(c)!, null, Question(context))),
        .. context.Get(Disk)!.Select(d => new DiskProbe(d, Bound(context, Degraded), Bound(context, Unhealthy))),
        .. context.Get(Memory) ? new IProbe[] { new MemoryProbe(Bound(context, Degraded), Bound(context, Unhealthy)) } : [],
        .. context.Get(Process)!.Select(p => new ProcessProbe(p)),
        .. context.Get(Container)!.Select(c => new ContainerProbe(c, context.Get(EngineSocket))),
        .. context.Get(Redis)!.Select(r => new RedisProbe(r, Environment.GetEnvironmentVariable("REDISCLI_AUTH") is { Length: > 0 } secret ? new System.Net.NetworkCredential("", secret) : null)),
        .. context.Get(Command)!.Select(c => new CommandProbe(ProgramLine.Shell(c), null, null, context.Get(Expect))),
        .. context.Get(SharedOptions.Source) is { } source ? new IProbe[] { Backup(context, source) } : [],
    ];

    private static TlsProbe Certificates(RunnerContext context, string endpoint) => new(endpoint, new TlsProbeOptions
    {
        Trust = Trust(context),
        CertificateFile = context.Get(CertificateFile),
        DegradedBelow = context.Get(Degraded) is { } degraded ? Amount.ParseShare(degraded) : 0.25,
        UnhealthyBelow = context.Get(Unhealthy) is { } unhealthy ? Amount.ParseShare(unhealthy) : 0.10,
    });

    private static BackupProbe Backup(RunnerContext context, string source) => new(
        RepositoryAccess.LocationOf(context.Get(SharedOptions.Repository)),
        context.Get(SharedOptions.KeyFile) is { } file ? Passphrase.FromFile(file) : null,
        source,
        context.Get(MaxAge) ?? TimeSpan.FromHours(26),
        context.Get(State));

    private static DatabaseQuestion? Question(RunnerContext context) => context.Get(Query) is { } sql ? new DatabaseQuestion(sql, context.Get(Expect)) : null;

    private static TlsTrust Trust(RunnerContext context) => new() { AuthorityFile = context.Get(AuthorityFile), ServerName = context.Get(ServerName) };

    private static Amount? Bound(RunnerContext context, Option<string> option) => context.Get(option) is { } text ? Amount.Parse(text) : null;

    private static Option<string> One(string name, string value, string description) => new(name) { Description = description, HelpName = value };

    private static Option<string[]> Many(string name, string value, string description, params string[] aliases) =>
        new(name, aliases) { Description = description, HelpName = value, DefaultValueFactory = _ => [] };
}
