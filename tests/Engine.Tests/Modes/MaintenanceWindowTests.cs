using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Engine.Modes.Hooks;
using MaintenanceOps.Engine.Modes.Proxies;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Engine.Programs;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Modes;

/// <summary>What happens around maintenance mode: people are told, alarms are silent, who is inside may finish, and it opens when all is well.</summary>
public sealed class MaintenanceWindowTests : IDisposable
{
    private static readonly TimeSpan HalfHour = TimeSpan.FromMinutes(30);
    private readonly TestFolder folder = new();
    private readonly WarningSink sink = new();

    private string Flag => folder["maintenance.flag"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void People_are_told_before_it_closes_and_after_it_is_open()
    {
        var window = Window(new MaintenanceHooks { Announce = ProgramLine.Shell($"echo \"$MAINTENANCE_STATE $MAINTENANCE_REASON $(test -e {Flag} && echo shut || echo free)\" >> {folder["told"]}") });
        window.Enter(HalfHour, "new version");
        var inner = window.Enter(HalfHour, "more").Lease;
        window.Leave(inner.Id);
        window.Leave();
        Assert.Equal(["closing new version free", "closing more shut", "open new version free"], File.ReadAllLines(folder["told"]));
        Assert.Empty(sink.Messages);
    }

    [Fact]
    public void An_announcement_that_fails_is_a_warning_and_holds_nothing_up()
    {
        Assert.True(Window(new MaintenanceHooks { Announce = ProgramLine.Shell("echo no mail >&2; exit 1") }).Enter(HalfHour).Mode.Enabled);
        Assert.Contains("no mail", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void It_waits_until_those_inside_have_left()
    {
        File.WriteAllText(folder["active"], "Active connections: 7\n");
        var leaving = Task.Run(async () =>
        {
            await Task.Delay(700);
            File.WriteAllText(folder["active"], "Active connections: 1\n");
        });
        var drain = Drain.ByProgram(ProgramLine.Shell($"cat {folder["active"]}"), @"connections: (\d+)", 2, TimeSpan.FromSeconds(20));
        Assert.True(Window(new MaintenanceHooks { Drain = drain }).Enter(HalfHour).Mode.Enabled);
        Assert.True(leaving.IsCompleted);
    }

    [Fact]
    public void What_does_not_fall_quiet_opens_the_door_again()
    {
        using var server = new RawServer(RawServer.Ok("Active connections: 12"));
        var window = Window(new MaintenanceHooks { Drain = Drain.ByAddress(server.Uri, null, 2, TimeSpan.FromMilliseconds(300)) });
        var e = Assert.Throws<MaintenanceException>(() => window.Enter(HalfHour));
        Assert.Equal(ErrorCode.NotHealthy, e.Code);
        Assert.Contains("still 12 inside", e.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Flag));
        var blind = Window(new MaintenanceHooks { Drain = Drain.ByProgram(ProgramLine.Shell("exit 4"), null, 2, TimeSpan.FromMilliseconds(100)) });
        Assert.Contains("cannot be told: exit code 4", Assert.Throws<MaintenanceException>(() => blind.Enter(HalfHour)).Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Flag));
    }

    [Fact]
    public void Cancelling_the_drain_opens_the_door_again()
    {
        using var cancel = new CancellationTokenSource(300);
        var window = Window(new MaintenanceHooks { Drain = Drain.ByProgram(ProgramLine.Shell("echo 5"), null, 2, TimeSpan.FromMinutes(1)) });
        Assert.ThrowsAny<OperationCanceledException>(() => window.Enter(HalfHour, "", cancel.Token));
        Assert.False(File.Exists(Flag));
    }

    [Fact]
    public void An_alertmanager_that_answers_nonsense_is_a_warning_and_holds_nothing_up()
    {
        using var server = new RawServer(RawServer.Ok("<html>welcome</html>"));
        var hooks = new MaintenanceHooks { Alertmanager = new Alertmanager(server.Uri, new Dictionary<string, string> { ["app"] = "notes" }) };
        Assert.True(Window(hooks).Enter(HalfHour).Mode.Enabled);
        Assert.Contains("its answer cannot be read", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_silence_in_the_flag_that_is_none_is_a_warning()
    {
        File.WriteAllText(Flag, $$"""{"leases":[{"id":"a","since":"2020-01-01T00:00:00Z","until":"{{DateTimeOffset.UtcNow.AddDays(1):O}}","reason":"","by":"","silence":"nonsense"}]}""");
        Assert.False(Window(new MaintenanceHooks()).Leave().Enabled);
        Assert.Contains("a silence that is none", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [PeerFact(AlertmanagerServer.Program)]
    public void Alarms_are_silent_as_long_as_the_lease_and_no_longer()
    {
        using var server = new AlertmanagerServer();
        var hooks = new MaintenanceHooks { Alertmanager = new Alertmanager(server.Address, new Dictionary<string, string> { ["app"] = "notes" }) };
        var lease = Window(hooks).Enter(HalfHour, "new version").Lease;
        var silence = Assert.Single(server.Silences());
        Assert.Equal(("active", "new version", "app=notes"), (silence.State, silence.Comment, silence.Label));
        Assert.InRange(silence.EndsAt - lease.Until, TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(1));

        // Whoever extends it need not know what is silent.
        var mode = Window(MaintenanceHooks.None).Extend(TimeSpan.FromHours(2));
        Assert.InRange(Assert.Single(server.Silences(), s => s.State == "active").EndsAt - mode.Until!.Value, TimeSpan.FromSeconds(-1), TimeSpan.FromSeconds(1));

        // Another process, which knows the lease and not the hooks.
        Window(MaintenanceHooks.None).Leave();
        Assert.DoesNotContain(server.Silences(), s => s.State == "active");
        Assert.Empty(sink.Messages);
    }

    [Fact]
    public void An_alertmanager_that_is_down_is_a_warning()
    {
        var hooks = new MaintenanceHooks { Alertmanager = new Alertmanager(new Uri("http://127.0.0.1:1"), new Dictionary<string, string> { ["app"] = "notes" }) };
        Assert.True(Window(hooks).Enter(HalfHour).Mode.Enabled);
        Assert.Contains("Alarms are not silent", Assert.Single(sink.Messages), StringComparison.Ordinal);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => new Alertmanager(new Uri("http://h"), new Dictionary<string, string>())).Code);
    }

    [Fact]
    public void People_are_told_too_where_a_lease_ended_by_itself()
    {
        var window = Window(new MaintenanceHooks { Announce = ProgramLine.Shell($"echo \"$MAINTENANCE_STATE\" >> {folder["told"]}") });
        window.Enter(TimeSpan.FromSeconds(1));
        Thread.Sleep(1100);
        Assert.False(window.Get().Enabled);
        Assert.Equal(["closing", "open"], File.ReadAllLines(folder["told"]));
    }

    [Fact]
    public void A_plan_bounds_how_long_it_may_be()
    {
        var window = new MaintenanceWindow(new MaintenanceSwitch(Flag, sink), MaintenanceHooks.None, sink, HalfHour);
        Assert.Contains("30m 00s at most", Assert.Throws<MaintenanceException>(() => window.Enter(HalfHour * 2)).Message, StringComparison.Ordinal);
        window.Enter(HalfHour);
        Assert.Throws<MaintenanceException>(() => window.Extend(HalfHour * 2));
    }

    [Fact]
    public void It_opens_only_when_the_checks_are_up()
    {
        var window = Window(MaintenanceHooks.None);
        window.Enter(HalfHour, "restore");
        var looks = 0;
        var check = new HealthCheck { Name = "api", Probe = new Scripted(_ => Task.FromResult(new Observation { Status = File.Exists(Flag) && ++looks < 3 ? HealthStatus.Unhealthy : HealthStatus.Healthy })) };
        Assert.False(window.LeaveWhenHealthy(() => window.Leave(), [check], TimeSpan.FromSeconds(20), default).Enabled);
        Assert.Equal(3, looks);
    }

    [Fact]
    public void It_stays_closed_where_they_are_not_even_past_its_lease()
    {
        var window = Window(MaintenanceHooks.None);
        window.Enter(TimeSpan.FromSeconds(1), "restore");
        var closed = true;
        var check = new HealthCheck
        {
            Name = "api",
            Probe = new Scripted(c =>
            {
                closed &= window.Get(c).Enabled;
                return Task.FromResult(new Observation { Status = HealthStatus.Unknown });
            }),
        };
        Assert.Equal(ErrorCode.NotHealthy, Assert.Throws<MaintenanceException>(() => window.LeaveWhenHealthy(() => window.Leave(), [check], TimeSpan.FromSeconds(2), default)).Code);
        Assert.True(closed);
        Assert.True(window.Get().Until > DateTimeOffset.UtcNow.AddMinutes(25));
    }

    [Fact]
    public void A_lease_that_ended_while_the_work_went_on_is_taken_again()
    {
        var window = Window(MaintenanceHooks.None);
        using (HeldMaintenance.Enter(window, TimeSpan.FromSeconds(1.5), "upgrade"))
        {
            // As when the machine was suspended: somebody's look finds the lease over.
            Assert.False(new MaintenanceSwitch(Flag, sink, new SetClock { Now = DateTimeOffset.UtcNow.AddHours(1) }).Get().Enabled);
            Assert.True(SpinWait.SpinUntil(() => File.Exists(Flag), TimeSpan.FromSeconds(10)));
            Assert.Equal("upgrade", window.Get().Reason);
        }

        Assert.False(window.Get().Enabled);
        Assert.Contains("It is closed again", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_door_that_somebody_opened_by_hand_stays_open()
    {
        using (HeldMaintenance.Enter(Window(MaintenanceHooks.None), TimeSpan.FromSeconds(1.5)))
        {
            File.Delete(Flag);
            Thread.Sleep(1200);
            Assert.False(File.Exists(Flag));
        }

        Assert.Contains("Somebody ended the lease", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("closed by bob\n")]
    public void A_flag_that_somebody_made_by_hand_meanwhile_stays(string words)
    {
        using (HeldMaintenance.Enter(Window(MaintenanceHooks.None), HalfHour))
        {
            File.WriteAllText(Flag, words);
        }

        Assert.Equal(words, File.ReadAllText(Flag));
        Assert.True(Window(MaintenanceHooks.None).Leave("gone").Enabled);
        Assert.All(sink.Messages, m => Assert.StartsWith("There is no lease ", m, StringComparison.Ordinal));
        Assert.False(Window(MaintenanceHooks.None).Leave().Enabled);
    }

    [Fact]
    public void A_door_that_was_opened_by_hand_stays_open_though_the_lease_is_over_meanwhile()
    {
        var drain = Drain.ByProgram(ProgramLine.Shell($"rm -f {Flag}; sleep 2; echo 0"), null, 2, TimeSpan.FromSeconds(20));
        using (HeldMaintenance.Enter(Window(new MaintenanceHooks { Drain = drain }), TimeSpan.FromSeconds(1.2)))
        {
            Thread.Sleep(1000);
            Assert.False(File.Exists(Flag));
        }

        Assert.Contains("Somebody ended the lease", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lease_is_kept_while_those_inside_are_waited_for()
    {
        var drain = Drain.ByProgram(ProgramLine.Shell("sleep 3; echo 0"), null, 2, TimeSpan.FromSeconds(20));
        var held = Task.Run(() => HeldMaintenance.Enter(Window(new MaintenanceHooks { Drain = drain }), TimeSpan.FromSeconds(1.5)));
        Assert.True(SpinWait.SpinUntil(() => File.Exists(Flag), TimeSpan.FromSeconds(10)));
        while (!held.IsCompleted)
        {
            // As a scheduler does each minute.
            Assert.True(new MaintenanceSwitch(Flag, sink).Get().Enabled);
            await Task.Delay(50);
        }

        (await held).Dispose();
        Assert.False(File.Exists(Flag));
        Assert.Empty(sink.Messages);
    }

    [Fact]
    public void A_history_that_cannot_be_read_does_not_end_the_process_that_renews()
    {
        using (HeldMaintenance.Enter(Window(MaintenanceHooks.None), TimeSpan.FromSeconds(1.5)))
        {
            File.Delete(Flag + ".history");
            Directory.CreateDirectory(Flag + ".history");
            File.Delete(Flag);
            Assert.True(SpinWait.SpinUntil(() => sink.Messages.Count > 0, TimeSpan.FromSeconds(10)));
        }
    }

    [Fact]
    public void An_entry_that_is_cancelled_while_it_silences_leaves_nothing_closed()
    {
        using var cancel = new CancellationTokenSource();
        var ended = 0;
        using var server = new RawServer(async (head, stream, stop) =>
        {
            if (head.StartsWith("POST", StringComparison.Ordinal))
            {
                await cancel.CancelAsync();
                await RawServer.Write(stream, RawServer.Ok("""{"silenceID":"5f0f5c6e-0000-0000-0000-000000000000"}""", "Content-Type: application/json\r\n"), stop);
            }
            else if (head.StartsWith("DELETE", StringComparison.Ordinal))
            {
                Interlocked.Increment(ref ended);
                await RawServer.Write(stream, RawServer.Ok(""), stop);
            }
        });
        var hooks = new MaintenanceHooks { Alertmanager = new Alertmanager(new Uri($"http://127.0.0.1:{server.Port}"), new Dictionary<string, string> { ["app"] = "notes" }) };
        Assert.Throws<OperationCanceledException>(() => Window(hooks).Enter(HalfHour, "", cancel.Token));
        Assert.False(File.Exists(Flag));
        Assert.Equal(1, ended);
    }

    [Fact]
    public void A_lease_that_somebody_ended_on_purpose_stays_ended()
    {
        var window = Window(MaintenanceHooks.None);
        using (HeldMaintenance.Enter(window, TimeSpan.FromSeconds(1.5)))
        {
            window.LeaveAll();
            Thread.Sleep(1500);
            Assert.False(File.Exists(Flag));
        }

        Assert.Contains("Somebody ended the lease", Assert.Single(sink.Messages), StringComparison.Ordinal);
    }

    [Fact]
    public void A_plan_names_the_flag_and_the_hooks()
    {
        File.WriteAllText(folder["plan.yaml"], """
            app: notes
            alerts: { alertmanager: "http://127.0.0.1:9093" }
            maintenance:
              flag: run/m.flag
              maxDuration: 2h
              announce: wall maintenance
              drain: { http: "http://127.0.0.1/status", below: 2, timeout: 30s }
              silence: { app: notes }
            """);
        var plan = MaintenancePlan.Of(PlanFile.Load(folder["plan.yaml"]));
        Assert.Equal((folder["run/m.flag"], TimeSpan.FromHours(2)), (plan.FlagPath, plan.MaxDuration));
        Assert.True(plan.Hooks is { Announce: not null, Drain: not null, Alertmanager: not null });
    }

    [Fact]
    public void What_only_closing_or_a_proxy_needs_keeps_nothing_closed()
    {
        File.WriteAllText(folder["plan.yaml"], """
            app: notes
            maintenance: { flag: m.flag, page: "${env:MOPS_NOT_SET}/m.html", retryAfter: ten minutes, exempt: "${env:MOPS_NOT_SET}", maxDuration: soon }
            """);
        var plan = PlanFile.Load(folder["plan.yaml"]);
        Assert.Equal(folder["m.flag"], MaintenancePlan.ToOpen(plan).FlagPath);
        Assert.Throws<MaintenanceException>(() => MaintenancePlan.ToExtend(plan));
        Assert.Throws<MaintenanceException>(() => ProxyConfigOptions.Of(plan, ProxyKind.Nginx, folder.Path));
    }

    private MaintenanceWindow Window(MaintenanceHooks hooks) => new(new MaintenanceSwitch(Flag, sink), hooks, sink);
}
