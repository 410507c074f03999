using System.Collections;
using System.Management.Automation;
using System.Security;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Plans;

namespace MaintenanceOps.Commands.Health;

/// <summary>A cmdlet that asks checks: those of a plan, or what its parameters name. All input is gathered, then asked at once.</summary>
public abstract class HealthCmdlet : EngineCmdlet
{
    private protected const string HttpSet = "Http";
    private protected const string TcpSet = "Tcp";
    private protected const string TlsSet = "Tls";
    private protected const string SqliteSet = "Sqlite";
    private protected const string PostgresSet = "Postgres";
    private protected const string DiskSet = "Disk";
    private protected const string MemorySet = "Memory";
    private protected const string ProcessSet = "Process";
    private protected const string ContainerSet = "Container";
    private protected const string RedisSet = "Redis";
    private protected const string CommandSet = "Command";
    private protected const string BackupSet = "Backup";
    private protected const string PlanSet = "Plan";

    private readonly List<HealthCheck> checks = [];

    /// <summary>Web addresses.</summary>
    [Parameter(Mandatory = true, Position = 0, ValueFromPipeline = true, ValueFromPipelineByPropertyName = true, ParameterSetName = HttpSet)]
    [ValidateNotNullOrEmpty]
    public Uri[] Uri { get; set; } = [];

    /// <summary>Ports to connect to, as <c>host:port</c>.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TcpSet)]
    [ValidateNotNullOrEmpty]
    public string[] TcpEndpoint { get; set; } = [];

    /// <summary>Servers whose certificates are looked at, as <c>host:port</c>; 443 where the port is left out.</summary>
    [Parameter(Mandatory = true, ParameterSetName = TlsSet)]
    [ValidateNotNullOrEmpty]
    public string[] TlsEndpoint { get; set; } = [];

    /// <summary>SQLite databases; wildcards are allowed.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = SqliteSet)]
    [Alias("PSPath")]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Path { get; set; } = [];

    /// <summary>A PostgreSQL database: <c>Host=…;Username=…;Database=…</c> or <c>postgresql://user@host/database</c>.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PostgresSet)]
    [Alias("Database")]
    [ValidateNotNullOrEmpty]
    public string ConnectionString { get; set; } = "";

    /// <summary>Paths whose volumes are looked at.</summary>
    [Parameter(Mandatory = true, ParameterSetName = DiskSet)]
    [ValidateNotNullOrEmpty]
    public string[] Disk { get; set; } = [];

    /// <summary>The memory of this machine.</summary>
    [Parameter(Mandatory = true, ParameterSetName = MemorySet)]
    public SwitchParameter Memory { get; set; }

    /// <summary>Programs that should run, by name or process id.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ProcessSet)]
    [ValidateNotNullOrEmpty]
    public string[] Process { get; set; } = [];

    /// <summary>Containers of Docker or Podman, by name or id.</summary>
    [Parameter(Mandatory = true, ParameterSetName = ContainerSet)]
    [ValidateNotNullOrEmpty]
    public string[] Container { get; set; } = [];

    /// <summary>Redis servers, as <c>host:port</c>; 6379 where the port is left out.</summary>
    [Parameter(Mandatory = true, ParameterSetName = RedisSet)]
    [ValidateNotNullOrEmpty]
    public string[] Redis { get; set; } = [];

    /// <summary>A line for the system's shell; with <c>-ArgumentList</c> a program that is started without one.</summary>
    [Parameter(Mandatory = true, ParameterSetName = CommandSet)]
    [ValidateNotNullOrEmpty]
    public string Command { get; set; } = "";

    /// <summary>A repository whose newest verified snapshot must not be too old.</summary>
    [Parameter(Mandatory = true, ParameterSetName = BackupSet)]
    [ArgumentCompleter(typeof(RepositoryCompleter))]
    [ValidateNotNullOrEmpty]
    public string Repository { get; set; } = "";

    /// <summary>A plan whose checks are asked.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PlanSet)]
    [ValidateNotNullOrEmpty]
    public string Plan { get; set; } = "";

    /// <summary>With a plan: which of its checks, with wildcards. Else the name of the check, under which its history is kept; its target where it is left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>The HTTP method.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNullOrEmpty]
    public string Method { get; set; } = "GET";

    /// <summary>Headers to send.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNull]
    public IDictionary Header { get; set; } = new Hashtable();

    /// <summary>What to send.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    public string? Body { get; set; }

    /// <summary>A unix socket to connect to instead of the address's host.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNullOrEmpty]
    public string? UnixSocket { get; set; }

    /// <summary>How many redirects are followed.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateRange(0, 20)]
    public int MaxRedirect { get; set; } = 5;

    /// <summary>Which statuses are right: <c>200</c>, <c>2xx</c>, <c>200-299,401</c>.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNullOrEmpty]
    public string? ExpectStatus { get; set; }

    /// <summary>Places in a JSON answer and what should stand there: <c>@{ status = 'healthy'; 'queue.length' = '&lt; 100' }</c>.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNull]
    public IDictionary ExpectJson { get; set; } = new Hashtable();

    /// <summary>What the answer should be; <c>~ pattern</c> looks for a regular expression.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNullOrEmpty]
    public string? ExpectBody { get; set; }

    /// <summary>What headers of the answer should be.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNull]
    public IDictionary ExpectHeader { get; set; } = new Hashtable();

    /// <summary>What the number of bytes should be, such as <c>'&gt; 1000'</c>.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [ValidateNotNullOrEmpty]
    public string? ExpectSize { get; set; }

    /// <summary>What a greeting, a program's output or a query's value should be: a value, <c>&gt;= 3</c> or <c>~ pattern</c>.</summary>
    [Parameter(ParameterSetName = TcpSet)]
    [Parameter(ParameterSetName = CommandSet)]
    [Parameter(ParameterSetName = SqliteSet)]
    [Parameter(ParameterSetName = PostgresSet)]
    [ValidateNotNullOrEmpty]
    public string? Expect { get; set; }

    /// <summary>SQL whose first value counts. The database is asked for reading only.</summary>
    [Parameter(ParameterSetName = SqliteSet)]
    [Parameter(ParameterSetName = PostgresSet)]
    [ValidateNotNullOrEmpty]
    public string? Query { get; set; }

    /// <summary>The name to ask for and to find in the certificate, where it is not the host's.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [Parameter(ParameterSetName = TlsSet)]
    [ValidateNotNullOrEmpty]
    public string? ServerName { get; set; }

    /// <summary>A PEM file with the authorities to trust instead of the system's.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [Parameter(ParameterSetName = TlsSet)]
    [ValidateNotNullOrEmpty]
    public string? AuthorityFile { get; set; }

    /// <summary>Takes any certificate.</summary>
    [Parameter(ParameterSetName = HttpSet)]
    [Parameter(ParameterSetName = TlsSet)]
    public SwitchParameter SkipCertificateCheck { get; set; }

    /// <summary>A PEM file whose first certificate should be the one that is served: a renewed one that is not served yet is found.</summary>
    [Parameter(ParameterSetName = TlsSet)]
    [ValidateNotNullOrEmpty]
    public string? CertificateFile { get; set; }

    /// <summary>Degraded where less than this is left: <c>20%</c> or <c>10GiB</c>; of a certificate, a share of its lifetime.</summary>
    [Parameter(ParameterSetName = TlsSet)]
    [Parameter(ParameterSetName = DiskSet)]
    [Parameter(ParameterSetName = MemorySet)]
    [ValidateNotNullOrEmpty]
    public string? Degraded { get; set; }

    /// <summary>Unhealthy where less than this is left.</summary>
    [Parameter(ParameterSetName = TlsSet)]
    [Parameter(ParameterSetName = DiskSet)]
    [Parameter(ParameterSetName = MemorySet)]
    [ValidateNotNullOrEmpty]
    public string? Unhealthy { get; set; }

    /// <summary>How many processes of the name must run.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [ValidateRange(1, int.MaxValue)]
    public int MinCount { get; set; } = 1;

    /// <summary>Resident memory that they may take, such as <c>2GiB</c>.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [ValidateNotNullOrEmpty]
    public string? MaxMemory { get; set; }

    /// <summary>Processors that they may keep busy, such as 1.5.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    public double? MaxCpu { get; set; }

    /// <summary>Files that they may have open.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    public int? MaxOpenFile { get; set; }

    /// <summary>The socket of the container engine.</summary>
    [Parameter(ParameterSetName = ContainerSet)]
    [ValidateNotNullOrEmpty]
    public string? EngineSocket { get; set; }

    /// <summary>Speaks TLS to Redis.</summary>
    [Parameter(ParameterSetName = RedisSet)]
    public SwitchParameter UseTls { get; set; }

    /// <summary>User and password, where the connection string has none.</summary>
    [Parameter(ParameterSetName = PostgresSet)]
    [Parameter(ParameterSetName = RedisSet)]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>The arguments of the program; with it no shell is used.</summary>
    [Parameter(ParameterSetName = CommandSet)]
    [AllowEmptyCollection]
    public string[]? ArgumentList { get; set; }

    /// <summary>The exit codes that are healthy.</summary>
    [Parameter(ParameterSetName = CommandSet)]
    public int[] HealthyExitCode { get; set; } = [0];

    /// <summary>The exit codes that mean degraded.</summary>
    [Parameter(ParameterSetName = CommandSet)]
    public int[] DegradedExitCode { get; set; } = [];

    /// <summary>The source whose snapshots count.</summary>
    [Parameter(Mandatory = true, ParameterSetName = BackupSet)]
    [ArgumentCompleter(typeof(SourceCompleter))]
    [ValidateNotNullOrEmpty]
    public string Source { get; set; } = "";

    /// <summary>An older newest good snapshot is unhealthy: one that is complete, has failed no test, and is in the state of -State.</summary>
    [Parameter(ParameterSetName = BackupSet)]
    [Duration]
    public TimeSpan MaxAge { get; set; } = TimeSpan.FromHours(26);

    /// <summary>What a good snapshot must have come to: Written, Checked or Restored. Else a database must be checked and files written.</summary>
    [Parameter(ParameterSetName = BackupSet)]
    [ValidateSet(nameof(SnapshotState.Written), nameof(SnapshotState.Checked), nameof(SnapshotState.Restored))]
    public SnapshotState? State { get; set; }

    /// <summary>Opens an encrypted repository; the environment's passphrase where it is left out.</summary>
    [Parameter(ParameterSetName = BackupSet)]
    [ValidateNotNull]
    public SecureString? Passphrase { get; set; }

    /// <summary>A file with the passphrase.</summary>
    [Parameter(ParameterSetName = BackupSet)]
    [ValidateNotNullOrEmpty]
    public string? KeyFile { get; set; }

    /// <summary>A look that is well but takes longer is degraded.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? DegradedAfter { get; set; }

    /// <summary>Takes degraded as down.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>The limit of one attempt that the user gave.</summary>
    private protected abstract TimeSpan? AttemptLimit { get; }

    /// <summary>Whether something that was named could not be asked.</summary>
    private protected bool NotAsked { get; private set; }

    /// <summary>The plan that was read, if one was.</summary>
    private protected PlanFile? LoadedPlan { get; private set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == PlanSet)
        {
            var path = ProviderPaths.Full(this, Plan);
            checks.AddRange(Require(path, _ =>
            {
                LoadedPlan = PlanFile.Load(path);
                return HealthPlan.Checks(LoadedPlan, Name);
            }).Select(Dressed));
            return;
        }

        foreach (var (name, make) in new ProbeParameters(this).Probes())
        {
            try
            {
                Add(make());
            }
            catch (MaintenanceException e)
            {
                NotAsked = true;
                WriteError(ErrorRecords.From(e, name));
            }
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        if (ParameterSetName != PlanSet && !NotAsked && Name.Length > checks.Count)
        {
            ThrowTerminatingError(ErrorRecords.From(new MaintenanceException(ErrorCode.InvalidArgument, $"There are {Name.Length} names for {checks.Count} checks. Give one for each."), null));
        }

        if (checks.Count > 0)
        {
            Ask(checks);
        }
    }

    /// <summary>Asks all checks that the input named.</summary>
    private protected abstract void Ask(IReadOnlyList<HealthCheck> checks);

    /// <summary>Puts what the user said of all checks in the place of what the check, or its plan, says.</summary>
    private protected virtual HealthCheck Dress(HealthCheck check) => check;

    /// <summary>Whether the user gave a parameter.</summary>
    private protected bool IsGiven(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    /// <summary>The same thing twice is asked once.</summary>
    private void Add(IProbe probe)
    {
        var name = Name.Length == 0 ? HealthCheck.UsualName(probe) : Name[Math.Min(checks.Count, Name.Length - 1)];
        if (checks.Exists(c => c.Name == name && c.Probe.Target == probe.Target))
        {
            return;
        }

        checks.Add(Dressed(new HealthCheck { Name = name, Probe = probe }));
    }

    private HealthCheck Dressed(HealthCheck check) => Dress(check with { Timeout = AttemptLimit ?? check.Timeout, DegradedAfter = DegradedAfter ?? check.DegradedAfter });
}
