using System.Management.Automation;
using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Plans;

namespace MaintenanceOps.Commands.Modes;

/// <summary>Writes what a web server needs to answer 503 while the flag of maintenance mode exists.</summary>
[Cmdlet(VerbsCommon.New, "MaintenanceProxyConfig", DefaultParameterSetName = FlagSet, SupportsShouldProcess = true)]
[OutputType(typeof(FileInfo))]
public sealed class NewMaintenanceProxyConfigCommand : EngineCmdlet
{
    private const string FlagSet = "Flag";
    private const string PlanSet = "Plan";

    /// <summary>For which web server.</summary>
    [Parameter(Mandatory = true, Position = 0)]
    public ProxyKind Kind { get; set; }

    /// <summary>The flag file, as the web server sees it: an absolute path.</summary>
    [Parameter(Mandatory = true, ValueFromPipelineByPropertyName = true, ParameterSetName = FlagSet)]
    [ValidateNotNullOrEmpty]
    public string FlagPath { get; set; } = "";

    /// <summary>A plan whose section <c>maintenance</c> names the flag, and may name the page, the paths that stay open and when to come back.</summary>
    [Parameter(Mandatory = true, ParameterSetName = PlanSet)]
    [ValidateNotNullOrEmpty]
    public string Plan { get; set; } = "";

    /// <summary>The folder that the files go to; it is made where it does not exist.</summary>
    [Parameter(Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string OutputPath { get; set; } = "";

    /// <summary>The page that users see. One that is there stays.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? PagePath { get; set; }

    /// <summary>Paths that stay open: <c>/health</c> is exactly that one, <c>/static/*</c> all that begin so.</summary>
    [Parameter]
    public string[]? ExemptPath { get; set; }

    /// <summary>Addresses and networks whose users are let in.</summary>
    [Parameter]
    public string[] BypassAddress { get; set; } = [];

    /// <summary>When users should come back.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? RetryAfter { get; set; }

    /// <summary>The application: names of files and variables begin with it.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Name { get; set; }

    /// <summary>The heading of the page.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Title { get; set; }

    /// <summary>What the page says below the heading.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Message { get; set; }

    /// <summary>Traefik only: where it reaches the nginx that looks at the flag.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Upstream { get; set; }

    /// <summary>Replaces what is there, the page too.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var options = Options();
        IReadOnlyList<ProxyFile> files = [];
        Run(options.OutputPath, _ => files = ProxyConfig.Plan(options, Force));
        foreach (var file in files)
        {
            if (ShouldProcess(file.Path, $"Write the configuration for {Kind} ({ByteSize.Format(file.Size)})") && Run(file.Path, _ => ProxyConfig.Write(file, Force)))
            {
                // By the provider, as Get-Item gives it: with the properties that tables and further commands ask for.
                WriteObject(InvokeProvider.Item.Get([file.Path], force: true, literalPath: true), enumerateCollection: true);
            }
        }
    }

    private ProxyConfigOptions Options()
    {
        var output = ProviderPaths.Full(this, OutputPath);
        var options = ParameterSetName == PlanSet
            ? Planned(ProviderPaths.Full(this, Plan), output)

            // The flag is left as it is: the web server's own view, perhaps in a container.
            : new ProxyConfigOptions { Kind = Kind, FlagPath = FlagPath, OutputPath = output };
        return options with
        {
            PagePath = PagePath is null ? options.PagePath : ProviderPaths.Full(this, PagePath),
            ExemptPath = ExemptPath ?? options.ExemptPath,
            BypassAddress = BypassAddress,
            RetryAfter = RetryAfter ?? options.RetryAfter,
            Name = Name ?? options.Name,
            Title = Title ?? options.Title,
            Message = Message ?? options.Message,
            Upstream = Upstream,
        };
    }

    private ProxyConfigOptions Planned(string plan, string output) => Require(plan, _ => ProxyConfigOptions.Of(PlanFile.Load(plan), Kind, output));
}
