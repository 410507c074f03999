using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.History;
using MaintenanceOps.Engine.Histories;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>Streaks, thresholds, flapping and uptime, kept on the disk from run to run.</summary>
public sealed class HealthHistoryTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly SetClock clock = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void Streaks_and_thresholds_reach_across_runs()
    {
        Assert.Equal((1, HealthStatus.Healthy), Place(Look(HealthStatus.Healthy)));
        Assert.Equal((1, HealthStatus.Healthy), Place(Look(HealthStatus.Unhealthy)));
        Assert.Equal((2, HealthStatus.Healthy), Place(Look(HealthStatus.Unhealthy)));
        Assert.Equal((3, HealthStatus.Unhealthy), Place(Look(HealthStatus.Unhealthy)));
        Assert.Equal((1, HealthStatus.Unhealthy), Place(Look(HealthStatus.Healthy)));
        Assert.Equal((2, HealthStatus.Healthy), Place(Look(HealthStatus.Healthy)));
        Assert.Equal((1, HealthStatus.Healthy), Place(Look(HealthStatus.Unknown)));
        Assert.Equal((1, HealthStatus.Degraded), Place(Look(HealthStatus.Degraded)));
        static (int, HealthStatus) Place(HealthResult result) => (result.Streak, result.Confirmed);
    }

    [Fact]
    public void A_streak_knows_since_when()
    {
        var first = Look(HealthStatus.Healthy);
        clock.Now += TimeSpan.FromMinutes(5);
        Assert.Equal(first.At, Look(HealthStatus.Healthy).Since);
    }

    [Fact]
    public void What_changes_all_the_time_flaps_until_it_is_quiet_again()
    {
        var flapping = false;
        for (var i = 0; i < 20; i++)
        {
            flapping = Look(i % 2 == 0 ? HealthStatus.Healthy : HealthStatus.Unhealthy).Flapping;
        }

        Assert.True(flapping);
        Assert.True(Look(HealthStatus.Healthy).Flapping);
        for (var i = 0; i < 20; i++)
        {
            flapping = Look(HealthStatus.Healthy).Flapping;
        }

        Assert.False(flapping);
    }

    [Fact]
    public void Uptime_and_percentiles_count_what_was_up_and_leave_maintenance_out()
    {
        for (var i = 1; i <= 96; i++)
        {
            Look(HealthStatus.Healthy, milliseconds: i);
        }

        Look(HealthStatus.Unhealthy);
        Look(HealthStatus.Unhealthy);
        Look(HealthStatus.Unknown);
        Look(HealthStatus.Degraded, milliseconds: 500);
        Look(HealthStatus.Unhealthy, maintenance: true);
        var history = Assert.Single(HealthSummary.Of(folder.Path, ["it"], [TimeSpan.FromDays(1)], clock.GetUtcNow()));
        Assert.Equal((101, 96, 1, 3, 1, 1), (history.Looks, history.Healthy, history.Degraded, history.Unhealthy, history.Unknown, history.InMaintenance));
        Assert.Equal(0.97, history.Uptime);
        Assert.Equal(49, history.P50!.Value.TotalMilliseconds);
        Assert.Equal(93, history.P95!.Value.TotalMilliseconds);
        Assert.Equal(500, history.P99!.Value.TotalMilliseconds);
    }

    [Fact]
    public void A_window_ends_where_it_says()
    {
        Look(HealthStatus.Unhealthy);
        clock.Now += TimeSpan.FromHours(2);
        Look(HealthStatus.Healthy);
        var windows = HealthSummary.Of(folder.Path, [], [TimeSpan.FromDays(1), TimeSpan.FromHours(1)], clock.GetUtcNow()).ToArray();
        Assert.Equal([1.0, 0.5], windows.Select(w => w.Uptime!.Value));
    }

    [Fact]
    public void Lines_that_a_crash_cut_off_or_somebody_broke_are_passed_over_and_counted()
    {
        Look(HealthStatus.Healthy);
        var file = Assert.Single(Directory.GetFiles(folder.Path, "*.jsonl"));
        File.AppendAllText(file, "null\n{\"name\":\"it\"}\n\0\0\0\n[1]\n{\"name\":\"it\",\"at\":\"2026-");
        var result = Look(HealthStatus.Healthy);
        Assert.Equal(2, result.Streak);
        var history = Assert.Single(HealthSummary.Of(folder.Path, [], [TimeSpan.FromDays(1)], clock.GetUtcNow()));
        Assert.Equal((2, 5), (history.Looks, history.Malformed));
    }

    [Theory]
    [InlineData("""{"name":null,"at":"2026-01-01T00:00:00Z","status":"Healthy"}""")]
    [InlineData("""{"name":"a","at":"2026-01-01T00:00:00Z","status":"Healthy","ms":1e308}""")]
    [InlineData("""{"name":"a","at":"2026-01-01T00:00:00Z","status":77}""")]
    [InlineData("""{"name":"a","at":"2026-01-01T00:00:00Z","status":"Healthy","streak":2147483647}""")]
    public void A_line_that_no_look_can_give_is_passed_over(string line)
    {
        Look(HealthStatus.Healthy);
        File.AppendAllText(Directory.GetFiles(folder.Path, "*.jsonl")[0], line + "\n");
        Assert.Equal(2, Look(HealthStatus.Healthy).Streak);
        var summary = HealthSummary.Of(folder.Path, [], [TimeSpan.FromDays(1)], clock.Now).Single();
        Assert.Equal((2, 1), (summary.Looks, summary.Malformed));
    }

    [Fact]
    public void A_history_of_gigabytes_costs_no_memory()
    {
        Look(HealthStatus.Healthy);
        using (var file = new FileStream(Directory.GetFiles(folder.Path, "*.jsonl")[0], FileMode.Open))
        {
            file.SetLength(3L << 30);
        }

        Assert.Empty(HealthSummary.Of(folder.Path, [], [TimeSpan.FromDays(1)], clock.Now));
        Assert.Equal(1, Look(HealthStatus.Healthy).Streak);
    }

    [Fact]
    public void Two_processes_that_look_at_once_lose_no_line()
    {
        Parallel.For(0, 8, _ =>
        {
            for (var i = 0; i < 10; i++)
            {
                Look(HealthStatus.Healthy);
            }
        });
        Assert.Equal(80, Assert.Single(HealthSummary.Of(folder.Path, [], [TimeSpan.FromDays(1)], clock.GetUtcNow())).Looks);
    }

    [Fact]
    public void A_long_history_loses_its_oldest_looks_only()
    {
        Look(HealthStatus.Healthy);
        var file = Assert.Single(Directory.GetFiles(folder.Path, "*.jsonl"));
        var line = File.ReadAllText(file);
        File.WriteAllText(file, string.Concat(Enumerable.Repeat(line, (26 << 20) / line.Length)));
        Assert.True(Look(HealthStatus.Healthy).Streak > 1);
        Assert.InRange(new FileInfo(file).Length, 15L << 20, 17L << 20);
        Assert.Equal(0, Assert.Single(HealthSummary.Of(folder.Path, [], [TimeSpan.FromDays(1)], clock.GetUtcNow())).Malformed);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.tmp"));
    }

    [Fact]
    public void A_history_that_cannot_be_kept_is_a_warning_and_no_failure()
    {
        File.WriteAllText(folder["file"], "");
        var sink = new WarningSink();
        var run = new HealthRun([Check(HealthStatus.Healthy)], Path.Combine(folder["file"], "below"), null, sink, clock);
        Assert.Equal(HealthStatus.Healthy, run.Run(_ => { }, default)[0].Status);
        Assert.Contains("was not kept", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void Histories_are_for_their_owner_only()
    {
        Look(HealthStatus.Healthy);
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(Assert.Single(Directory.GetFiles(folder.Path, "*.jsonl"))));
        }
    }

    [Fact]
    public void A_name_that_has_no_history_is_an_error() =>
        Assert.Equal(ErrorCode.ItemNotFound, Assert.Throws<MaintenanceException>(() => HealthSummary.Of(folder.Path, ["nobody"], [TimeSpan.FromDays(1)], clock.GetUtcNow())).Code);

    [Fact]
    public void When_something_is_full_is_a_range_and_needs_a_week()
    {
        var now = clock.GetUtcNow();
        PastFigure[] Days(int count) => [.. Enumerable.Range(0, count).Select(d => new PastFigure(now - TimeSpan.FromDays(count - d), 1000 + (d * 10) + (d % 3)))];
        Assert.Null(Forecast.Of(Days(4), 1040, 2000, now));
        var forecast = Forecast.Of(Days(20), 1200, 1400, now)!;
        Assert.InRange(forecast.Likely.TotalDays, 15, 25);
        Assert.True(forecast.Earliest <= forecast.Likely && forecast.Likely <= forecast.Latest);
        Assert.Null(Forecast.Of([.. Days(20).Select(p => p with { Value = 1000 })], 1000, 2000, now));
    }

    private HealthResult Look(HealthStatus status, double milliseconds = 5, bool maintenance = false)
    {
        lock (clock)
        {
            clock.Now += TimeSpan.FromSeconds(1);
        }

        var log = new HealthLog(folder.Path);
        var seen = new HealthResult { Name = "it", Kind = "scripted", Target = "x", Status = status, Latency = TimeSpan.FromMilliseconds(milliseconds), At = clock.GetUtcNow(), InMaintenance = maintenance };
        return log.Add(Check(status), seen, new Observation { Status = status }, CancellationToken.None);
    }

    private static HealthCheck Check(HealthStatus status) => new()
    {
        Name = "it",
        Probe = new Scripted(_ => Task.FromResult(new Observation { Status = status })),
        FailAfter = 3,
        RecoverAfter = 2,
    };
}
