using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>A history that cannot be kept takes no result away, and goes on when it can.</summary>
public sealed class HealthFaultTests
{
    [FullVolumeTheory]
    [InlineData(0)]
    public void A_full_disk_costs_the_history_and_no_result(int free)
    {
        using var volume = new FullVolume(1);
        var sink = new WarningSink();
        Assert.Equal(1, Ask(volume, sink).Streak);
        volume.FillUp(free);
        for (var look = 0; sink.Messages.Count == 0 && look < 100; look++)
        {
            // The last page of the file has room for some more.
            Assert.Equal(HealthStatus.Unhealthy, Ask(volume, sink).Status);
        }

        Assert.Contains("was not kept", Assert.Single(sink.Messages), StringComparison.Ordinal);
        volume.MakeRoom();
        var streak = Ask(volume, sink).Streak;
        Assert.True(streak > 1);
        Assert.Equal(streak + 1, Ask(volume, sink).Streak);
        Assert.Single(sink.Messages);
    }

    private static HealthResult Ask(FullVolume volume, WarningSink sink)
    {
        var probe = new Scripted(_ => Task.FromResult(new Observation { Status = HealthStatus.Unhealthy, Reason = new string('x', 200) }));
        return new HealthRun([new HealthCheck { Name = "it", Probe = probe, Retries = 0 }], volume["history"], null, sink).Run(_ => { }, default)[0];
    }
}
