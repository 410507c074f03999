using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>All checks at once, with retries, time-outs and dependencies; what cannot be told is never green.</summary>
public sealed class HealthRunTests
{
    [Fact]
    public void Checks_run_at_once_and_each_is_told_as_it_comes()
    {
        HealthCheck[] checks = [.. Enumerable.Range(0, 50).Select(i => Check($"c{i:00}", new Scripted(async c =>
        {
            await Task.Delay(i == 0 ? 2500 : 300, c);
            return Seen(HealthStatus.Healthy);
        })))];
        var order = new List<string>();
        var clock = Stopwatch.StartNew();
        var results = Run(checks, r => order.Add(r.Name));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(8), $"{clock.Elapsed}");
        Assert.Equal("c00", order[^1]);
        Assert.Equal(50, order.Count);
        Assert.Equal(checks.Select(c => c.Name), results.Select(r => r.Name));
    }

    [Fact]
    public void A_look_that_fails_is_repeated_before_it_is_believed()
    {
        var looks = 0;
        var probe = new Scripted(_ => Task.FromResult(Seen(++looks < 3 ? HealthStatus.Unhealthy : HealthStatus.Healthy)));
        var result = Run([Check("a", probe) with { Retries = 2 }])[0];
        Assert.Equal((HealthStatus.Healthy, 3), (result.Status, result.Attempts));
        looks = 0;
        Assert.Equal(HealthStatus.Unhealthy, Run([Check("a", probe) with { Retries = 1 }])[0].Status);
    }

    [Fact]
    public void What_takes_too_long_is_unhealthy_even_where_it_does_not_heed_the_time_out()
    {
        var deaf = new Scripted(async _ =>
        {
            await Task.Delay(20_000, CancellationToken.None);
            return Seen(HealthStatus.Healthy);
        });
        var clock = Stopwatch.StartNew();
        Assert.Equal(HealthStatus.Unhealthy, Run([Check("deaf", deaf) with { Timeout = TimeSpan.FromMilliseconds(200) }])[0].Status);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15));
    }

    [Fact]
    public void A_time_out_longer_than_any_timer_is_no_error()
    {
        var check = Check("patient", new Scripted(_ => Task.FromResult(Seen(HealthStatus.Healthy)))) with { Timeout = TimeSpan.FromDays(365) };
        Assert.Equal(HealthStatus.Healthy, Run([check])[0].Status);
        Assert.True(HealthWait.Run([check], TimeSpan.FromDays(365), TimeSpan.FromDays(365), strict: false, SilentSink.Instance, default).Up);
    }

    [Fact]
    public void Reasons_read_the_same_in_every_culture()
    {
        var before = CultureInfo.CurrentCulture;
        CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
        try
        {
            var probe = new Scripted(async c =>
            {
                await Task.Delay(10, c);
                return new Observation { Status = HealthStatus.Healthy, Reason = await Task.Factory.StartNew(() => $"{1234.5:N1}", c, TaskCreationOptions.LongRunning, TaskScheduler.Default) };
            });
            Assert.Equal("1,234.5", Run([Check("a", probe)])[0].Reason);
            Assert.Equal("de-DE", CultureInfo.CurrentCulture.Name);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void What_cannot_be_asked_like_this_is_refused()
    {
        var check = Check("a", new Scripted(_ => Task.FromResult(Seen(HealthStatus.Healthy))));
        foreach (var wrong in new[] { check with { Retries = -1 }, check with { Retries = int.MaxValue }, check with { FailAfter = 0 }, check with { RecoverAfter = 0 }, check with { Timeout = TimeSpan.Zero } })
        {
            Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => Run([wrong])).Code);
        }

        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => HealthWait.Run([check], TimeSpan.FromSeconds(1), TimeSpan.Zero, strict: false, SilentSink.Instance, default)).Code);
    }

    [Fact]
    public void What_is_slow_is_degraded()
    {
        var slow = new Scripted(async c =>
        {
            await Task.Delay(100, c);
            return Seen(HealthStatus.Healthy);
        });
        var result = Run([Check("slow", slow) with { DegradedAfter = TimeSpan.FromMilliseconds(20) }])[0];
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.StartsWith("It took ", result.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_told_is_unknown_and_never_up()
    {
        var refused = new Scripted(_ => throw new MaintenanceException(ErrorCode.AccessDenied, "No right to look."));
        var broken = new Scripted(_ => throw new InvalidOperationException("Oops."));
        var results = Run([Check("refused", refused), Check("broken", broken)]);
        Assert.All(results, r => Assert.Equal(HealthStatus.Unknown, r.Status));
        Assert.Equal("No right to look.", results[0].Reason);
        Assert.False(HealthJudgement.AreUp(results, strict: false));
        Assert.False(HealthJudgement.AreUp([], strict: false));
    }

    [Fact]
    public void A_check_whose_foundation_is_down_is_not_asked()
    {
        var asked = false;
        var down = new Scripted(_ => Task.FromResult(Seen(HealthStatus.Unhealthy)));
        var above = new Scripted(_ =>
        {
            asked = true;
            return Task.FromResult(Seen(HealthStatus.Healthy));
        });
        var results = Run([Check("top", above) with { After = ["middle"] }, Check("middle", above) with { After = ["db"] }, Check("db", down)]);
        Assert.False(asked);
        Assert.Equal("Not looked at, because db is unhealthy.", results[1].Reason);
        Assert.Equal("Not looked at, because middle is unknown.", results[0].Reason);
    }

    [Fact]
    public void Checks_that_wait_for_each_other_or_for_nobody_are_refused()
    {
        var probe = new Scripted(_ => Task.FromResult(Seen(HealthStatus.Healthy)));
        Assert.Contains("a after b after a", Refused(Check("a", probe) with { After = ["b"] }, Check("b", probe) with { After = ["a"] }), StringComparison.Ordinal);
        Assert.Contains("there is no such check", Refused(Check("a", probe) with { After = ["c"] }), StringComparison.Ordinal);
        Assert.Contains("Two checks", Refused(Check("a", probe), Check("a", probe)), StringComparison.Ordinal);
    }

    [Fact]
    public void Cancelling_ends_all_of_them()
    {
        using var cancel = new CancellationTokenSource(200);
        var endless = new Scripted(async c =>
        {
            await Task.Delay(Timeout.Infinite, c);
            return Seen(HealthStatus.Healthy);
        });
        var run = new HealthRun([Check("a", endless), Check("b", endless) with { After = ["a"] }], null, null, SilentSink.Instance);
        Assert.ThrowsAny<OperationCanceledException>(() => run.Run(_ => { }, cancel.Token));
    }

    [Fact]
    public void Waiting_ends_when_all_are_up_or_when_the_time_is_over()
    {
        var looks = 0;
        var late = new Scripted(_ => Task.FromResult(Seen(++looks < 3 ? HealthStatus.Unhealthy : HealthStatus.Degraded)));
        var (up, _) = HealthWait.Run([Check("late", late)], TimeSpan.FromSeconds(10), TimeSpan.FromMilliseconds(20), false, SilentSink.Instance, default);
        Assert.True(up);
        (up, var results) = HealthWait.Run([Check("late", late)], TimeSpan.FromMilliseconds(200), TimeSpan.FromMilliseconds(20), strict: true, SilentSink.Instance, default);
        Assert.False(up);
        Assert.Contains("late: Degraded", HealthWait.Failure(results, TimeSpan.FromMilliseconds(200), strict: true).Message, StringComparison.Ordinal);
    }

    private static string Refused(params HealthCheck[] checks) => Assert.Throws<MaintenanceException>(() => Run(checks)).Message;

    private static IReadOnlyList<HealthResult> Run(HealthCheck[] checks, Action<HealthResult>? write = null) =>
        new HealthRun(checks, null, null, SilentSink.Instance).Run(write ?? (_ => { }), CancellationToken.None);

    private static HealthCheck Check(string name, IProbe probe) => new() { Name = name, Probe = probe, Retries = 0 };

    private static Observation Seen(HealthStatus status) => new() { Status = status };
}
