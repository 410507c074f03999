using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Modes;

public sealed class MaintenanceSwitchTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly SetClock clock = new();

    private string Flag => folder["maintenance.flag"];

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_lease_closes_until_it_is_ended()
    {
        var door = New();
        Assert.False(door.Get().Enabled);

        var (_, mode) = door.Enter(TimeSpan.FromMinutes(30), "new version");
        Assert.True(File.Exists(Flag));
        Assert.Equal((true, clock.Now, clock.Now.AddMinutes(30), "new version"), (mode.Enabled, mode.Since, mode.Until, mode.Reason));
        Assert.Equivalent(mode, New().Get());

        Assert.False(door.Leave().Enabled);
        Assert.False(File.Exists(Flag));
        Assert.Equal([MaintenanceModeAction.Entered, MaintenanceModeAction.Left], door.History().Select(h => h.Action));
    }

    [Fact]
    public void It_opens_when_the_last_of_nested_leases_has_ended()
    {
        var door = New();
        var (outer, _) = door.Enter(TimeSpan.FromMinutes(5), "outer");
        door.Enter(TimeSpan.FromMinutes(60), "inner");
        Assert.Equal(clock.Now.AddMinutes(60), door.Get().Until);

        Assert.Equal(clock.Now.AddMinutes(90), door.Extend(TimeSpan.FromMinutes(90), outer.Id).Until);
        Assert.Equal("inner", door.Leave(outer.Id).Reason);
        Assert.Equal(ErrorCode.ItemNotFound, Failure(() => door.Extend(TimeSpan.FromMinutes(1), outer.Id)));
        Assert.Equal("inner", door.Leave(outer.Id).Reason);
        Assert.False(door.Leave().Enabled);
    }

    [Fact]
    public void A_link_is_followed_and_what_is_no_file_is_refused()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        File.CreateSymbolicLink(folder["link"], Flag);
        new MaintenanceSwitch(folder["link"], SilentSink.Instance, clock).Enter(TimeSpan.FromMinutes(5));
        Assert.True(New().Get().Enabled);
        Assert.False(new MaintenanceSwitch(folder["link"], SilentSink.Instance, clock).Leave().Enabled);
        Assert.NotNull(new FileInfo(folder["link"]).LinkTarget);
        Assert.False(File.Exists(Flag));
        System.Diagnostics.Process.Start("mkfifo", folder["pipe"]).WaitForExit();
        File.CreateSymbolicLink(folder["null"], "/dev/null");
        foreach (var path in new[] { folder["pipe"], folder["null"], folder.Path })
        {
            Assert.Equal(ErrorCode.InvalidArgument, Failure(() => new MaintenanceSwitch(path, SilentSink.Instance, clock).Get()));
        }
    }

    [Fact]
    public void A_lease_that_would_make_the_flag_unreadable_is_refused()
    {
        var door = New();
        door.Enter(TimeSpan.FromMinutes(5), "short");
        Assert.Equal(ErrorCode.InvalidArgument, Failure(() => door.Enter(TimeSpan.FromMinutes(5), new string('x', 1 << 20))));
        clock.Now += TimeSpan.FromMinutes(6);
        Assert.False(door.Get().Enabled);
    }

    [Fact]
    public void A_lock_that_cannot_be_made_is_told_at_once()
    {
        var waited = System.Diagnostics.Stopwatch.StartNew();
        var door = new MaintenanceSwitch(folder[new string('x', 252)], SilentSink.Instance);
        Assert.Equal(ErrorCode.InputOutput, Failure(() => door.Enter(TimeSpan.FromMinutes(5))));
        Assert.True(waited.Elapsed < TimeSpan.FromSeconds(5), $"{waited.Elapsed}");
    }

    [Fact]
    public void A_lease_whose_time_is_over_ends_with_the_next_look()
    {
        var door = New();
        door.Enter(TimeSpan.FromMinutes(5));
        door.Extend(TimeSpan.FromMinutes(10));
        clock.Now += TimeSpan.FromMinutes(9.9);
        Assert.True(door.Get().Enabled);
        clock.Now += TimeSpan.FromMinutes(0.1);

        Assert.False(door.Get().Enabled);
        Assert.False(File.Exists(Flag));
        Assert.Equal(MaintenanceModeAction.Expired, door.History()[^1].Action);
    }

    [Theory]
    [InlineData("")]
    [InlineData("closed by me")]
    [InlineData("{\"leases\":[null,{\"id\":\"\"}]}")]
    public void A_flag_made_by_hand_closes_stays_and_can_be_taken_away(string content)
    {
        File.WriteAllText(Flag, content);
        var door = New();
        Assert.True(door.Get().Enabled);
        Assert.True(File.Exists(Flag));

        Assert.False(door.Leave().Enabled);
        Assert.False(File.Exists(Flag));
    }

    [Theory]
    [InlineData("app: notes\nmaintenance: { flag: m.flag }\n")]
    [InlineData("SQLite format 3\0")]
    [InlineData("{\"other\":1,\"text\":\"a file of somebody else, which is longer than a few words in a line would ever be, so that nobody can take it for a flag that was made by hand in a hurry; and it goes on for a while, because two hundred and fifty-six bytes are more than one thinks they are.\"}")]
    public void What_is_no_flag_is_neither_written_nor_removed(string content)
    {
        File.WriteAllText(Flag, content);
        Assert.Equal(ErrorCode.DestinationInUse, Failure(() => New().Enter(TimeSpan.FromMinutes(1))));
        Assert.Equal(ErrorCode.DestinationInUse, Failure(() => New().LeaveAll()));
        Assert.Equal(content, File.ReadAllText(Flag));
    }

    [Fact]
    public void A_lease_that_says_little_counts_and_what_a_killed_writer_left_goes()
    {
        File.WriteAllText(Flag, """{"leases":[{"id":"x","since":"2026-01-01T00:00:00Z","until":"2027-01-01T00:00:00Z"}]}""");
        File.WriteAllText(Flag + ".tmp", "half a fl");
        Assert.Equal(("", ""), (New().Get().Reason, New().Get().By));

        New().Enter(TimeSpan.FromMinutes(1));
        Assert.Equal(2, New().Get().Leases.Count);
        Assert.False(File.Exists(Flag + ".tmp"));
    }

    [Fact]
    public async Task No_lease_is_lost_where_many_are_taken_at_once()
    {
        await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => New().Enter(TimeSpan.FromMinutes(1), $"{i}"))));

        Assert.Equal(40, New().Get().Leases.Count);
        Assert.Equal(40, New().History().Count);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.tmp"));
        Assert.False(New().LeaveAll().Enabled);
    }

    [Fact]
    public void What_makes_no_sense_is_refused()
    {
        Assert.Equal(ErrorCode.InvalidArgument, Failure(() => New().Enter(TimeSpan.Zero)));
        Assert.Equal(ErrorCode.InvalidArgument, Failure(() => New().Enter(TimeSpan.FromDays(8))));
        Assert.Equal(ErrorCode.ItemNotFound, Failure(() => New().Extend(TimeSpan.FromMinutes(1))));
        Assert.Equal(ErrorCode.InvalidArgument, Failure(() => new MaintenanceSwitch(folder.Path, SilentSink.Instance).Get()));
        Assert.Equal(ErrorCode.PathNotFound, Failure(() => new MaintenanceSwitch(folder["none/flag"], SilentSink.Instance).Enter(TimeSpan.FromMinutes(1))));
        Assert.False(File.Exists(Flag));
    }

    [Fact]
    public void The_web_server_may_read_the_flag()
    {
        New().Enter(TimeSpan.FromMinutes(1));
        if (!OperatingSystem.IsWindows())
        {
            Assert.True(File.GetUnixFileMode(Flag).HasFlag(UnixFileMode.OtherRead));
        }
    }

    [UnprivilegedFact]
    public void Whoever_may_only_look_sees_that_it_is_still_closed()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        New().Enter(TimeSpan.FromMinutes(1));
        clock.Now += TimeSpan.FromMinutes(2);
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        File.SetUnixFileMode(Flag + ".lock", UnixFileMode.UserRead);
        var sink = new WarningSink();
        Assert.True(new MaintenanceSwitch(Flag, sink, clock).Get().Enabled);
        Assert.Single(sink.Messages);
        File.SetUnixFileMode(folder.Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private static ErrorCode Failure(Action act) => Assert.Throws<MaintenanceException>(act).Code;

    private MaintenanceSwitch New() => new(Flag, SilentSink.Instance, clock);
}
