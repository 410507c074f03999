using MaintenanceOps.Engine.Health;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A probe that sees what a test wants, for what is around probes: retries, streaks, dependencies.</summary>
internal sealed class Scripted(Func<CancellationToken, Task<Observation>> see) : IProbe
{
    public string Kind => "scripted";

    public string Target => "nothing";

    public Task<Observation> Observe(ProbeContext context) => see(context.Cancellation);
}
