using MaintenanceOps.Engine.Modes;
using MaintenanceOps.Engine.Tests.Support;
using MaintenanceOps.FaultHost;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>The flag of maintenance mode after kill −9 at every step, and on a full disk: as before, or as after.</summary>
public sealed class ModeFaultTests
{
    public static TheoryData<string> ScenarioNames => [.. ModeScenarios.Names];

    [Theory]
    [MemberData(nameof(ScenarioNames))]
    public void Killed_at_every_step(string scenario)
    {
        using var folder = new TestFolder();
        var (before, after) = (Reset(folder.Path), "");
        var (_, steps) = Host.Start(scenario, folder.Path, 0, FaultMode.Before);
        after = State(folder.Path);
        Assert.Matches("^[sw]{1,20}$", steps);
        Assert.NotEqual(before, after);
        for (var step = 1; step <= steps.Length; step++)
        {
            foreach (var mode in steps[step - 1] == 'w' ? [FaultMode.Before, FaultMode.Half] : (FaultMode[])[FaultMode.Before])
            {
                Reset(folder.Path);
                Assert.Equal(137, Host.Start(scenario, folder.Path, step, mode).Exit);
                Assert.Contains(State(folder.Path), new[] { before, after });

                // Whoever comes next is not held up, and what was left behind goes.
                var door = new MaintenanceSwitch(folder["flag"], SilentSink.Instance);
                Assert.True(door.Enter(TimeSpan.FromMinutes(1), "next").Mode.Enabled);
                Assert.False(door.LeaveAll().Enabled);
                Assert.Equal(["flag.history", "flag.lock"], Directory.EnumerateFiles(folder.Path).Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal));
                Assert.Equal("next", door.History().Last(h => h.Action == MaintenanceModeAction.Entered).Lease.Reason);
            }
        }
    }

    [FullVolumeTheory]
    [InlineData(0)]
    [InlineData(4096)]
    public void A_full_disk_keeps_nobody_out_for_good(int free)
    {
        using var volume = new FullVolume(1);
        var door = new MaintenanceSwitch(volume["flag"], SilentSink.Instance);
        door.Enter(TimeSpan.FromMinutes(5), "in time");
        volume.FillUp(free);
        if (free == 0)
        {
            // It is closed as before, by the lease that there was.
            Assert.Equal(ErrorCode.DiskFull, Assert.Throws<MaintenanceException>(() => door.Enter(TimeSpan.FromMinutes(5), new string('x', 5000))).Code);
            Assert.Equal("in time", Assert.Single(door.Get().Leases).Reason);
            Assert.False(File.Exists(volume["flag.tmp"]));
        }

        // Opening needs no room.
        Assert.False(door.Leave().Enabled);
        Assert.False(File.Exists(volume["flag"]));
        volume.MakeRoom();
        door.Enter(TimeSpan.FromMinutes(5), "again");
        Assert.Equal("again", door.History()[^1].Lease.Reason);
    }

    [Fact]
    public void A_line_of_the_history_that_was_cut_off_costs_itself_alone()
    {
        using var folder = new TestFolder();
        var door = new MaintenanceSwitch(folder["flag"], SilentSink.Instance);
        door.Enter(TimeSpan.FromMinutes(5), "first");
        File.AppendAllText(folder["flag.history"], "{\"at\":\"2026-");
        door.Enter(TimeSpan.FromMinutes(5), "second");
        Assert.Equal(["first", "second"], door.History().Select(h => h.Lease.Reason));
    }

    /// <summary>One lease, whose history is cut off in the middle of a line.</summary>
    private static string Reset(string folder)
    {
        foreach (var file in Directory.EnumerateFiles(folder))
        {
            File.Delete(file);
        }

        new MaintenanceSwitch(Path.Combine(folder, "flag"), SilentSink.Instance).Enter(TimeSpan.FromMinutes(10), "first");
        File.AppendAllText(Path.Combine(folder, "flag.history"), "{\"at\":");
        return State(folder);
    }

    private static string State(string folder)
    {
        var mode = new MaintenanceSwitch(Path.Combine(folder, "flag"), SilentSink.Instance).Get();
        return $"{mode.Enabled}: {string.Join(", ", mode.Leases.Select(l => $"{l.Reason} {(l.Until - l.Since).TotalMinutes:0}"))}";
    }
}
