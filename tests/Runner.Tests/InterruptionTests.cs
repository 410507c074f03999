using System.Diagnostics;

namespace MaintenanceOps.Runner.Tests;

/// <summary>Ctrl+C and SIGTERM end work cleanly.</summary>
public sealed class InterruptionTests : Place
{
    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public void A_signal_ends_a_drill_with_130_and_leaves_nothing(string signal)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // Signals to another process are a Unix thing.
        }

        var mops = Mops();
        mops.Run("backup", "app.db", "--initialize").Expect(0);

        // A statement that does not end by itself, so that the signal always meets work.
        using var process = mops.Start("test", "latest", "--assert", "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n");
        Assert.True(SpinWait.SpinUntil(() => Debris().Any(p => p.EndsWith("drill.db", StringComparison.Ordinal)), TimeSpan.FromSeconds(20)));
        Thread.Sleep(300);
        Assert.NotEmpty(Directory.EnumerateFiles(InFolder("repo/leases")));
        using (var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]))
        {
            kill.WaitForExit();
        }

        var watch = Stopwatch.StartNew();
        var run = global::MaintenanceOps.Runner.Tests.Mops.Finish(process).Expect(130);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(5), $"It took {watch.Elapsed}.");
        Assert.Contains("[Cancelled]", run.Error, StringComparison.Ordinal);
        Assert.Empty(Debris());
        Assert.False(mops.Run("list", "--json").Expect(0).Json.Single().GetProperty("damaged").GetBoolean());
    }
}
