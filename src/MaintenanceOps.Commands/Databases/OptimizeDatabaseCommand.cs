using System.Diagnostics;
using System.Management.Automation;
using System.Net;
using MaintenanceOps.Engine.Databases.Upkeep;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Mends what Get-DatabaseHealth found, or does steps, within a time limit: what gains most for each second comes first.</summary>
[Cmdlet(VerbsCommon.Optimize, "Database", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(OptimizationResult))]
public sealed class OptimizeDatabaseCommand : DatabaseCmdlet
{
    private const string FindingSet = "Finding";
    private readonly List<DatabaseFinding> findings = [];
    private readonly Stopwatch clock = Stopwatch.StartNew();

    /// <inheritdoc/>
    /// <remarks>Not by the pipeline: there a finding comes, and what was made of one must not be taken for a path.</remarks>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public override PathArgument[] Path { get; set; } = [];

    /// <summary>Findings of Get-DatabaseHealth; those without an action are passed over.</summary>
    [Parameter(ParameterSetName = FindingSet, Mandatory = true, ValueFromPipeline = true)]
    [DatabaseFindingTransformation]
    public DatabaseFinding[] Finding { get; set; } = [];

    /// <summary>What to do; all that a look at the database finds where it is left out.</summary>
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [Parameter(ParameterSetName = ServerSet)]
    [Parameter(ParameterSetName = PlanSet)]
    [ValidateNotNullOrEmpty]
    public OptimizationStep[] Step { get; set; } = [];

    /// <summary>When to stop, counted over all databases. What has no room left is deferred, and the next run begins with what gains most.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? TimeLimit { get; set; }

    /// <summary>Does also what does not pay.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == FindingSet)
        {
            findings.AddRange(Finding.Where(f => f.Action is not null));
            return;
        }

        foreach (var target in Targets())
        {
            Optimize(target, new OptimizationRequest { Steps = Step, Force = Force });
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (var ofOne in findings.GroupBy(f => f.Database))
        {
            var first = ofOne.First();
            var target = new DatabaseTarget
            {
                Path = first.Path,
                ConnectionString = first.ConnectionString,
                Credential = first.Password is { } password ? new NetworkCredential("", password) : Credential?.GetNetworkCredential(),
                LockTimeout = LockTimeout,
            };
            Optimize(target, new OptimizationRequest { Findings = [.. ofOne], Force = Force });
        }
    }

    private void Optimize(DatabaseTarget target, OptimizationRequest request)
    {
        var limited = request with { TimeLimit = TimeLimit - clock.Elapsed };
        IReadOnlyList<string> statements = [];
        if (PlaceOf(target) is not { } place || !Run((object)place, output => statements = DatabaseUpkeep.Preview(target, limited, output, output.Cancellation)))
        {
            return;
        }

        // Where nothing is to be done, the run only tells why.
        if (statements.Count == 0 ? !IsWhatIf : ShouldProcess(place, string.Join("; ", statements)))
        {
            Run((object)place, output => DatabaseUpkeep.Optimize(target, limited, output, output.Write, output.Cancellation));
        }
    }
}
