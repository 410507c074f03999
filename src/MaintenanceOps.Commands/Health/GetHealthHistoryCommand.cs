using System.Management.Automation;
using MaintenanceOps.Engine;
using MaintenanceOps.Engine.Health.History;

namespace MaintenanceOps.Commands.Health;

/// <summary>Tells what checks saw: uptime, latency and streaks in windows of time.</summary>
[Cmdlet(VerbsCommon.Get, "HealthHistory")]
[OutputType(typeof(HealthHistory))]
public sealed class GetHealthHistoryCommand : EngineCmdlet
{
    /// <summary>Which checks, with wildcards; those of a plan are called <c>application/check</c>. All where it is left out.</summary>
    [Parameter(Position = 0, ValueFromPipelineByPropertyName = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>How far back; an hour, a day, a week and 30 days where it is left out.</summary>
    [Parameter]
    [Duration]
    [ValidateNotNullOrEmpty]
    public TimeSpan[] Window { get; set; } = [.. HealthSummary.DefaultWindows];

    /// <summary>The folder where Test-Health keeps its streaks.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? HistoryPath { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        var folder = HistoryPath is null ? StateFolder.For("health") : ProviderPaths.Full(this, HistoryPath);
        Run(folder, output =>
        {
            foreach (var history in HealthSummary.Of(folder, Name, Window, DateTimeOffset.UtcNow))
            {
                output.Write(history);
            }
        });
    }
}
