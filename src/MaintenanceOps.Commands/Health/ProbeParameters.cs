using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Net;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Health.Probes.Databases;
using MaintenanceOps.Engine.Health.Probes.Http;
using MaintenanceOps.Engine.Health.Probes.Redis;
using MaintenanceOps.Engine.Health.Probes.Tls;
using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Commands.Health;

/// <summary>Turns the parameters of a health cmdlet into probes, each by its target and what makes it.</summary>
internal sealed class ProbeParameters(HealthCmdlet cmdlet)
{
    public IEnumerable<(string Target, Func<IProbe> Make)> Probes() => cmdlet.ParameterSetName switch
    {
        "Http" => cmdlet.Uri.Select(uri => (WebAddress.Shown(uri.OriginalString), Make(() => Http(uri)))),
        "Tcp" => cmdlet.TcpEndpoint.Select(e => (e, Make(() => new TcpProbe(e, cmdlet.Expect)))),
        "Tls" => cmdlet.TlsEndpoint.Select(e => (e, Make(() => Tls(e)))),
        "Sqlite" => cmdlet.Path.SelectMany(Files).Select(p => (p, Make(() => new SqliteProbe(p, Question())))),
        "Postgres" => [("PostgreSQL", () => new PostgresProbe(cmdlet.ConnectionString, Credential, Question()))],
        "Disk" => cmdlet.Disk.Select(d => (d, Make(() => new DiskProbe(ProviderPaths.Full(cmdlet, d), Amount(cmdlet.Degraded), Amount(cmdlet.Unhealthy))))),
        "Memory" => [("memory", () => new MemoryProbe(Amount(cmdlet.Degraded), Amount(cmdlet.Unhealthy)))],
        "Process" => cmdlet.Process.Select(p => (p, Make(() => new ProcessProbe(p, Limits())))),
        "Container" => cmdlet.Container.Select(c => (c, Make(() => new ContainerProbe(c, Full(cmdlet.EngineSocket))))),
        "Redis" => cmdlet.Redis.Select(r => (r, Make(() => new RedisProbe(r, Credential, cmdlet.UseTls)))),
        "Command" => [("command", () => new CommandProbe(Program(), cmdlet.HealthyExitCode, cmdlet.DegradedExitCode, cmdlet.Expect))],
        _ => [Backup()],
    };

    private NetworkCredential? Credential => cmdlet.Credential?.GetNetworkCredential();

    private static Func<IProbe> Make(Func<IProbe> make) => make;

    private (string Target, Func<IProbe> Make) Backup()
    {
        var location = ProviderPaths.Location(cmdlet, cmdlet.Repository);
        var passphrase = OpenRepositories.PassphraseOf(cmdlet.Passphrase, Full(cmdlet.KeyFile));
        return (location, () => new BackupProbe(location, passphrase, cmdlet.Source, cmdlet.MaxAge, cmdlet.State));
    }

    /// <summary>A path without wildcards is looked at though nothing is there: that it is missing is what a check is for.</summary>
    private IReadOnlyList<string> Files(string path) => WildcardPattern.ContainsWildcardCharacters(path)
        ? ProviderPaths.Existing(cmdlet, [(path, false)], out _)
        : [ProviderPaths.Full(cmdlet, path)];

    private HttpProbe Http(Uri uri) => new(
        new HttpQuestion
        {
            Uri = uri,
            Method = cmdlet.Method,
            Headers = new Dictionary<string, string>(Pairs(cmdlet.Header)),
            Body = cmdlet.Body,
            UnixSocket = Full(cmdlet.UnixSocket),
            MaxRedirects = cmdlet.MaxRedirect,
            Trust = Trust(),
        },
        new HttpExpectation(cmdlet.ExpectStatus, Pairs(cmdlet.ExpectJson), cmdlet.ExpectBody, Pairs(cmdlet.ExpectHeader), cmdlet.ExpectSize));

    private TlsProbe Tls(string endpoint) => new(endpoint, new TlsProbeOptions
    {
        Trust = Trust(),
        CertificateFile = Full(cmdlet.CertificateFile),
        DegradedBelow = cmdlet.Degraded is { } degraded ? Engine.Health.Amount.ParseShare(degraded) : 0.25,
        UnhealthyBelow = cmdlet.Unhealthy is { } unhealthy ? Engine.Health.Amount.ParseShare(unhealthy) : 0.10,
    });

    private TlsTrust Trust() => new()
    {
        SkipCheck = cmdlet.SkipCertificateCheck,
        AuthorityFile = Full(cmdlet.AuthorityFile),
        ServerName = cmdlet.ServerName,
    };

    private string? Full(string? path) => path is null ? null : ProviderPaths.Full(cmdlet, path);

    private DatabaseQuestion? Question() => cmdlet.Query is null ? null : new DatabaseQuestion(cmdlet.Query, cmdlet.Expect);

    private ProcessLimits Limits() => new()
    {
        MinCount = cmdlet.MinCount,
        MaxMemory = cmdlet.MaxMemory is { } most ? Engine.Health.Amount.ParseSize(most) : null,
        MaxCpu = cmdlet.MaxCpu,
        MaxOpenFiles = cmdlet.MaxOpenFile,
    };

    private ProgramLine Program() => cmdlet.ArgumentList is { } arguments ? ProgramLine.Of(cmdlet.Command, arguments) : ProgramLine.Shell(cmdlet.Command);

    private static Amount? Amount(string? text) => text is null ? null : Engine.Health.Amount.Parse(text);

    private static IEnumerable<KeyValuePair<string, string>> Pairs(IDictionary table) =>
        table.Cast<DictionaryEntry>().Select(e => KeyValuePair.Create(Text(e.Key), Text(e.Value)));

    private static string Text(object? value) => value switch
    {
        PSObject wrapped => Text(wrapped.BaseObject),
        bool truth => truth ? "true" : "false",
        null => "null",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture) ?? "",
    };
}
