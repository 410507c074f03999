using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using Npgsql;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>
/// What a connection string comes to, with the service file and the environment behind it as in the client library: what the
/// string says goes before the service, the service before the environment, and that before the defaults.
/// </summary>
internal sealed partial class ConnectionSettings
{
    /// <summary>What the driver cannot honour and what somebody relies on who writes it.</summary>
    private static readonly string[] Unsupported = ["sslcrl", "sslcrldir", "requirepeer", "replication", "requiressl"];

    private readonly Dictionary<string, string> values;

    /// <summary>The keywords that the string itself has.</summary>
    private readonly IReadOnlySet<string> given;

    /// <summary>What only the driver's own form can say.</summary>
    private readonly NpgsqlConnectionStringBuilder driver;

    private ConnectionSettings(Dictionary<string, string> values, IReadOnlySet<string> given, NpgsqlConnectionStringBuilder driver, IReadOnlyList<string> ignored, IReadOnlyList<ServerHost> hosts)
    {
        this.values = values;
        this.given = given;
        this.driver = driver;
        Ignored = ignored;
        Hosts = hosts;
    }

    /// <summary>Where the server may be, in the order in which it is looked for.</summary>
    public IReadOnlyList<ServerHost> Hosts { get; }

    /// <summary>Parameters that are not for PostgreSQL: names that are known as such, and a count of others.</summary>
    public IReadOnlyList<string> Ignored { get; }

    public string User => Value("user") ?? Environment.UserName;

    public string? Password => Value("password");

    public string Database => Value("dbname") ?? User;

    /// <summary>Whether the string, the service or the environment names a database.</summary>
    public bool NamesDatabase => Value("dbname") is not null;

    /// <summary>Which of several servers will do: <c>any</c>, <c>read-write</c>, <c>primary</c> and so on.</summary>
    public string Wanted => Value("target_session_attrs") ?? "any";

    /// <summary>How long one host is waited for.</summary>
    public TimeSpan ConnectTimeout { get; private init; } = TimeSpan.FromSeconds(15);

    /// <summary>The startup options that were given; ours are added.</summary>
    public string? Options => Value("options");

    /// <summary>The search path that the string asks for, which is for the user's own SQL.</summary>
    public string? SearchPath => driver.SearchPath;

    /// <param name="given">What the string says, by the library's keywords.</param>
    /// <param name="driver">The string in the driver's own form; null where it has another.</param>
    /// <param name="ignored">What was left out.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; it repeats nothing of the string.</exception>
    public static ConnectionSettings Resolve(Dictionary<string, string> given, NpgsqlConnectionStringBuilder? driver, IReadOnlyList<string> ignored)
    {
        var values = given.Where(v => v.Value.Length > 0).ToDictionary(StringComparer.Ordinal);
        if ((values.GetValueOrDefault("service") ?? Variable("PGSERVICE")) is { } service)
        {
            Fill(values, ServiceFile.Read(service, values.GetValueOrDefault("servicefile") ?? Variable("PGSERVICEFILE")));
        }

        Fill(values, ConnectionKeywords.Variables.Select(v => (v.Keyword, Value: Variable(v.Variable))).Where(v => v.Value is not null).ToDictionary(v => v.Keyword, v => v.Value!, StringComparer.Ordinal));
        values.Remove("service");
        values.Remove("servicefile");
        return Check(new ConnectionSettings(
            values,
            given.Keys.ToHashSet(StringComparer.Ordinal),
            driver ?? new NpgsqlConnectionStringBuilder(),
            ignored,
            ServerHost.Read(values.GetValueOrDefault("host"), values.GetValueOrDefault("hostaddr"), values.GetValueOrDefault("port")))
        {
            ConnectTimeout = TimeoutOf(values.GetValueOrDefault("connect_timeout")),
        });
    }

    public ConnectionSettings WithDatabase(string database) => With("dbname", database);

    /// <summary>Who connects, where that is given beside the string: before the service and the environment.</summary>
    /// <param name="credential">User and password; an empty one says nothing.</param>
    /// <param name="first">Whether it goes before what the string says, too.</param>
    public ConnectionSettings With(NetworkCredential? credential, bool first)
    {
        var user = credential?.UserName is { Length: > 0 } name && (first || !given.Contains("user")) ? With("user", name) : this;
        return credential?.Password is { Length: > 0 } secret && (first || !given.Contains("password")) ? user.With("password", secret) : user;
    }

    /// <summary>Only the host that answered: every further session and program goes to the same server.</summary>
    public ConnectionSettings Only(ServerHost host) => new(values, given, driver, Ignored, [host]) { ConnectTimeout = ConnectTimeout };

    public ConnectionSettings WithConnectTimeout(TimeSpan limit) => new(values, given, driver, Ignored, Hosts) { ConnectTimeout = limit < ConnectTimeout ? limit : ConnectTimeout };

    /// <summary>With what the server says in detail, such as the key that a foreign key does not find: values of rows are among it.</summary>
    public ConnectionSettings WithErrorDetail() => new(values, given, new NpgsqlConnectionStringBuilder(driver.ConnectionString) { IncludeErrorDetail = true }, Ignored, Hosts) { ConnectTimeout = ConnectTimeout };

    /// <summary>For a database without an encoding: texts come and go as the bytes that they are.</summary>
    public ConnectionSettings WithBytes()
    {
        BytesEncoding.Register();
        return new(values, given, new NpgsqlConnectionStringBuilder(driver.ConnectionString) { Encoding = new BytesEncoding().WebName, ClientEncoding = BytesEncoding.Database }, Ignored, Hosts) { ConnectTimeout = ConnectTimeout };
    }

    /// <summary>For the driver.</summary>
    public NpgsqlConnectionStringBuilder ForDriver(ServerHost host)
    {
        var built = new NpgsqlConnectionStringBuilder(driver.ConnectionString)
        {
            Host = host.Target,
            Port = host.Port,
            Username = User,
            Password = Password ?? PasswordFile.Find(Value("passfile"), host, Database, User),
            Database = Database,
            ApplicationName = Value("application_name") ?? "mops",
            Pooling = false,
            Multiplexing = false,
            Enlist = false,
            Timeout = (int)Math.Clamp(Math.Ceiling(ConnectTimeout.TotalSeconds), 1, MaxDriverTimeout),
            CommandTimeout = 0,
            TcpKeepAlive = true,
            SearchPath = null,
            TargetSessionAttributes = null,
            LoadBalanceHosts = false,
        };
        DriverParameters.Apply(built, values);
        return built;
    }

    /// <summary>For PostgreSQL's own programs and library, by its keywords.</summary>
    public Dictionary<string, string> ForClients(ServerHost host)
    {
        var all = new Dictionary<string, string>(values, StringComparer.Ordinal)
        {
            ["host"] = host.Name,
            ["port"] = host.Port.ToString(CultureInfo.InvariantCulture),
            ["user"] = User,
            ["dbname"] = Database,
            ["application_name"] = Value("application_name") ?? "mops",
            ["connect_timeout"] = ((int)Math.Clamp(Math.Ceiling(ConnectTimeout.TotalSeconds), 2, MaxDriverTimeout)).ToString(CultureInfo.InvariantCulture),
        };
        all.Remove("hostaddr");
        if (host.Address is { } address)
        {
            all["hostaddr"] = address;
        }

        // What is dumped is read as UTF-8, and which server is meant has been decided.
        foreach (var keyword in new[] { "client_encoding", "fallback_application_name", "target_session_attrs", "load_balance_hosts", "options" })
        {
            all.Remove(keyword);
        }

        return all;
    }

    /// <summary>How to connect, as a URI without a password or anything else that could hold one.</summary>
    public string Public()
    {
        var parameters = Harmless.Where(k => Value(k) is not null).Select(k => $"{k}={Uri.EscapeDataString(Value(k)!)}").ToList();
        if (Hosts.Any(h => h.Address is not null))
        {
            parameters.Add($"hostaddr={Uri.EscapeDataString(string.Join(',', Hosts.Select(h => h.Address ?? h.Name)))}");
        }

        parameters.Add($"host={Uri.EscapeDataString(string.Join(',', Hosts.Select(h => h.Name)))}");
        parameters.Add(string.Create(CultureInfo.InvariantCulture, $"port={string.Join(',', Hosts.Select(h => h.Port))}"));
        return $"postgresql://{Uri.EscapeDataString(User)}@/{Uri.EscapeDataString(Database)}?{string.Join('&', parameters)}";
    }

    private const int MaxDriverTimeout = 1024;

    private static readonly string[] Harmless =
    [
        "passfile", "sslmode", "sslrootcert", "sslcert", "sslkey", "sslnegotiation", "channel_binding", "gssencmode", "krbsrvname", "require_auth", "target_session_attrs", "connect_timeout",
    ];

    private string? Value(string keyword) => values.GetValueOrDefault(keyword);

    private ConnectionSettings With(string keyword, string value) =>
        new(new Dictionary<string, string>(values, StringComparer.Ordinal) { [keyword] = value }, given, driver, Ignored, Hosts) { ConnectTimeout = ConnectTimeout };

    private static void Fill(Dictionary<string, string> values, Dictionary<string, string> others)
    {
        foreach (var (keyword, value) in others)
        {
            values.TryAdd(keyword, value);
        }
    }

    private static string? Variable(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;

    /// <summary>What is shown later must not hold what was meant to be secret: <c>Username=app Password=…</c> is one user to the driver.</summary>
    private static ConnectionSettings Check(ConnectionSettings settings)
    {
        if (Array.Find(Unsupported, u => settings.Value(u) is not null) is { } unsupported)
        {
            throw ConnectionRefusal.Because($"'{unsupported}' is not possible here");
        }

        var shown = settings.Hosts.Select(h => h.Name).Append(settings.User).Append(settings.Database);
        if (shown.Any(s => Nested().IsMatch(s) || s.Any(char.IsControl)))
        {
            throw ConnectionRefusal.Because("its host, user or database has another keyword and an '=' in it. Between the parts of 'Host=…;Username=…' stand semicolons, and between those of 'host=… user=…' spaces");
        }

        if (settings.Wanted is not ("any" or "read-write" or "read-only" or "primary" or "standby" or "prefer-standby" or "prefer-primary"))
        {
            throw ConnectionRefusal.Because("target_session_attrs is not any, read-write, read-only, primary, standby or prefer-standby");
        }

        // Whether all of it makes sense to the driver is told now, and not at the first connection.
        settings.ForDriver(settings.Hosts[0]);
        return settings;
    }

    /// <summary>As the library has it: nothing, zero and less wait for ever, and one second is two. For ever is a day here.</summary>
    private static TimeSpan TimeoutOf(string? text) => text is null ? TimeSpan.FromSeconds(15)
        : int.TryParse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture, out var seconds)
            ? TimeSpan.FromSeconds(seconds <= 0 ? MaxDriverTimeout : Math.Max(2, seconds))
            : throw ConnectionRefusal.Because("connect_timeout is no number of seconds");

    [GeneratedRegex(@"(^|[\s;&?,])(password|passwd|pwd|psw|sslpassword|host|server|user|username|uid|user id|port|dbname|database|sslmode|ssl mode)\s*=", RegexOptions.IgnoreCase)]
    private static partial Regex Nested();
}
