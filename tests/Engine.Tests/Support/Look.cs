using MaintenanceOps.Engine.Health;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Asks one check or probe once, without a history unless one is named.</summary>
internal static class Look
{
    public static HealthResult At(IProbe probe, TimeSpan? timeout = null, string? history = null) =>
        At(new HealthCheck { Name = "it", Probe = probe, Timeout = timeout, Retries = 0 }, history);

    public static HealthResult At(HealthCheck check, string? history = null) =>
        new HealthRun([check], history, null, SilentSink.Instance).Run(_ => { }, CancellationToken.None)[0];
}
