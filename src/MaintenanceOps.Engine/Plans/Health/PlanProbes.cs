using System.Net;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Health.Probes.Redis;
using MaintenanceOps.Engine.Health.Probes.Tls;
using MaintenanceOps.Engine.Programs;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Plans.Health;

/// <summary>A kind of probe as a plan writes it: the word that names it, the keys that it has, and how it is made.</summary>
internal sealed record PlanProbeKind(string Word, string[] Others, Func<PlanProbeSource, IProbe> Make)
{
    public IEnumerable<string> Keys => Others.Prepend(Word);
}

/// <summary>Where a check's probe is made from.</summary>
internal sealed record PlanProbeSource(PlanFile Plan, PlanMap Map);

/// <summary>Turns the checks of a plan into probes. A new kind of probe is one line in the table.</summary>
internal static class PlanProbes
{
    private static readonly string[] Bounds = ["degraded", "unhealthy"];
    private static readonly string[] SizeLimits = ["maxWal", "maxSize"];
    private static readonly string[] ServerLimits = ["maxLockWait", "maxTransaction", "maxLag", "maxStatisticsAge"];
    private static readonly string[] Trust = ["insecure", "ca", "serverName"];

    private static readonly PlanProbeKind[] Kinds =
    [
        new("http", ["method", "headers", "body", "socket", "redirects", "expect", .. Trust], Http),
        new("tcp", ["expect"], s => new TcpProbe(s.Map.Required("tcp"), s.Map.Text("expect"))),
        new("tls", ["certificate", .. Bounds, .. Trust], Tls),
        new("database", ["query", "expect", .. SizeLimits, .. ServerLimits], Database),
        new("disk", Bounds, s => new DiskProbe(s.Map.PathOf("disk")!, s.Map.Parsed("degraded", Amount.Parse), s.Map.Parsed("unhealthy", Amount.Parse))),
        new("memory", Bounds, s => new MemoryProbe(s.Map.Parsed("degraded", Amount.Parse), s.Map.Parsed("unhealthy", Amount.Parse))),
        new("process", ["count", "maxMemory", "maxCpu", "maxOpenFiles"], Process),
        new("container", ["socket"], s => new ContainerProbe(s.Map.Required("container"), s.Map.PathOf("socket"))),
        new("redis", ["user", "password", "secure"], s => new RedisProbe(s.Map.Required("redis"), Credential(s.Map), s.Map.Flag("secure") ?? false)),
        new("command", ["exitCodes", "degradedCodes", "expect"], Command),
        new("backup", ["repository", "maxAge", "state"], Backup),
    ];

    /// <summary>The kind that a check's keys name.</summary>
    /// <param name="map">The check.</param>
    /// <param name="others">Keys of every check.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    public static PlanProbeKind KindOf(PlanMap map, IEnumerable<string> others)
    {
        // A key that nobody knows is told first: the word for the kind may be misspelt.
        map.Allow([.. others, .. Kinds.SelectMany(k => k.Keys).Distinct()]);
        var kind = KindOf(map);
        map.Allow([.. others, .. kind.Keys]);
        return kind;
    }

    private static PlanProbeKind KindOf(PlanMap map) => Kinds.Where(k => map.Has(k.Word)).ToArray() switch
    {
        [var kind] => kind,
        [] => throw map.Wrong(Kinds[0].Word, $"a check needs one of {string.Join(", ", Kinds.Select(k => k.Word))}."),
        [_, var second, ..] => throw map.Wrong(second.Word, "a check looks at one thing. Make two of it."),
    };

    private static HttpProbe Http(PlanProbeSource source)
    {
        var map = source.Map;
        var expect = map.Map("expect");
        expect?.Allow("status", "json", "body", "headers", "size");
        return new HttpProbe(
            new HttpQuestion
            {
                Uri = Uri.TryCreate(map.Required("http"), UriKind.Absolute, out var uri) ? uri : throw map.Wrong("http", "it is no web address."),
                Method = map.Text("method") ?? "GET",
                Headers = map.Map("headers")?.Pairs() ?? new Dictionary<string, string>(),
                Body = map.Text("body"),
                UnixSocket = map.PathOf("socket"),
                MaxRedirects = map.Number("redirects") ?? 5,
                Trust = TrustOf(map),
            },
            new HttpExpectation(expect?.Text("status"), expect?.Map("json")?.Pairs(), expect?.Text("body"), expect?.Map("headers")?.Pairs(), expect?.Text("size")));
    }

    private static TlsProbe Tls(PlanProbeSource source) => new(source.Map.Required("tls"), new TlsProbeOptions
    {
        Trust = TrustOf(source.Map),
        CertificateFile = source.Map.PathOf("certificate"),
        DegradedBelow = source.Map.Parsed("degraded", Amount.ParseShare) ?? 0.25,
        UnhealthyBelow = source.Map.Parsed("unhealthy", Amount.ParseShare) ?? 0.10,
    });

    private static IProbe Database(PlanProbeSource source)
    {
        var name = source.Map.Required("database");
        var databases = source.Plan.Root.Map("databases");
        var database = databases?.Map(name) ?? throw source.Map.Wrong("database", $"the plan has no database '{name}'.");
        database.Allow(DatabasePlan.Keys);
        var question = source.Map.Text("query") is { } sql ? new DatabaseQuestion(sql, source.Map.Text("expect")) : null;
        var limits = Limits(source.Map);
        if (database.Text("connection") is { } connection)
        {
            return new PostgresProbe(connection, null, question, limits);
        }

        return Array.Find(ServerLimits, source.Map.Has) is { } unfit
            ? throw source.Map.Wrong(unfit, "SQLite does not tell that.")
            : new SqliteProbe(database.PathOf("path") ?? throw databases!.Wrong(name, "a database needs a path or a connection."), question, limits);
    }

    private static DatabaseLimits Limits(PlanMap map)
    {
        var usual = new DatabaseLimits();
        return new()
        {
            MaxLockWait = map.Time("maxLockWait") ?? usual.MaxLockWait,
            MaxTransaction = map.Time("maxTransaction") ?? usual.MaxTransaction,
            MaxLag = map.Time("maxLag") ?? usual.MaxLag,
            MaxStatisticsAge = map.Time("maxStatisticsAge"),
            MaxWal = map.Parsed("maxWal", Amount.ParseSize),
            MaxSize = map.Parsed("maxSize", Amount.ParseSize),
        };
    }

    private static ProcessProbe Process(PlanProbeSource source) => new(source.Map.Required("process"), new ProcessLimits
    {
        MinCount = source.Map.Number("count") ?? 1,
        MaxMemory = source.Map.Parsed("maxMemory", Amount.ParseSize),
        MaxCpu = source.Map.Fraction("maxCpu"),
        MaxOpenFiles = source.Map.Number("maxOpenFiles"),
    });

    private static CommandProbe Command(PlanProbeSource source)
    {
        var words = source.Map.List("command");
        return new CommandProbe(
            source.Map.IsList("command") ? ProgramLine.Of(words[0], [.. words.Skip(1)]) : ProgramLine.Shell(words[0]),
            Codes(source.Map, "exitCodes"),
            Codes(source.Map, "degradedCodes"),
            source.Map.Text("expect"));
    }

    private static BackupProbe Backup(PlanProbeSource source)
    {
        var repositories = source.Plan.Root.Map("repositories") ?? throw source.Map.Wrong("backup", "the plan has no repositories.");
        var name = source.Map.Text("repository") ?? source.Plan.Root.Map("backup")?.Text("to") ?? repositories.Keys.FirstOrDefault() ?? throw source.Map.Wrong("backup", "the plan has no repositories.");
        var repository = repositories.Map(name) ?? throw source.Map.Wrong("backup", $"the plan has no repository '{name}'.");
        repository.Allow("path", "passphrase", "keep");
        var path = repository.Required("path");
        var location = path.Contains("://", StringComparison.Ordinal) ? path : repository.PathOf("path")!;
        var passphrase = repository.Secret("passphrase") is { } text ? Passphrase.FromText(text) : null;
        return new BackupProbe(location, passphrase, $"{source.Plan.App}/{source.Map.Required("backup")}", source.Map.Time("maxAge") ?? TimeSpan.FromHours(26), source.Map.Parsed("state", BackupProbe.ParseState));
    }

    private static TlsTrust TrustOf(PlanMap map) => new() { SkipCheck = map.Flag("insecure") ?? false, AuthorityFile = map.PathOf("ca"), ServerName = map.Text("serverName") };

    private static NetworkCredential? Credential(PlanMap map) => map.Secret("password") is { } password ? new NetworkCredential(map.Text("user"), password) : null;

    private static int[]? Codes(PlanMap map, string key) => map.Has(key)
        ? [.. map.List(key).Select(c => int.TryParse(c, out var code) ? code : throw map.Wrong(key, $"'{c}' is no exit code."))]
        : null;
}
