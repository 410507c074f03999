using MaintenanceOps.Engine.Plans;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>What a web server is to be told about maintenance mode. Paths are as the web server sees them.</summary>
public sealed record ProxyConfigOptions
{
    /// <summary>For which web server.</summary>
    public required ProxyKind Kind { get; init; }

    /// <summary>The flag file; an absolute path.</summary>
    public required string FlagPath { get; init; }

    /// <summary>The folder that the files go to; it is made where it does not exist.</summary>
    public required string OutputPath { get; init; }

    /// <summary>The page that users see; in the output folder where it is null. The answer for programs lies beside it, as <c>.json</c>.</summary>
    public string? PagePath { get; init; }

    /// <summary>Paths that stay open: <c>/health</c> is exactly that one, <c>/static/*</c> all that begin so.</summary>
    public IReadOnlyList<string> ExemptPath { get; init; } = [];

    /// <summary>Addresses and networks (CIDR) whose users are let in.</summary>
    public IReadOnlyList<string> BypassAddress { get; init; } = [];

    /// <summary>When users and programs should come back.</summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>The application: names of files and variables begin with it, so that two can live in one web server.</summary>
    public string Name { get; init; } = "app";

    /// <summary>The heading of the page.</summary>
    public string Title { get; init; } = "Closed for maintenance";

    /// <summary>What the page says below the heading.</summary>
    public string Message { get; init; } = "We are working on it, and nothing is lost.";

    /// <summary>What a plan says of the application, its flag, page, open paths and when to come back; what it leaves out is as usual.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    public static ProxyConfigOptions Of(PlanFile plan, ProxyKind kind, string outputPath)
    {
        ArgumentNullException.ThrowIfNull(plan);
        var section = MaintenancePlan.SectionOf(plan);
        var options = new ProxyConfigOptions { Kind = kind, FlagPath = MaintenancePlan.ToOpen(plan).FlagPath, OutputPath = outputPath, Name = plan.App };
        return options with
        {
            PagePath = section.PathOf("page"),
            ExemptPath = section.List("exempt"),
            RetryAfter = section.Time("retryAfter") ?? options.RetryAfter,
        };
    }

    /// <summary>Traefik only: where it reaches the nginx that looks at the flag.</summary>
    public string? Upstream { get; init; }
}
