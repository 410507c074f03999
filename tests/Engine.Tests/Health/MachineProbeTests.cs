using System.Diagnostics;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Health.History;
using MaintenanceOps.Engine.Health.Probes;
using MaintenanceOps.Engine.Programs;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Health;

/// <summary>Disks, memory, processes, programs and ports of this machine.</summary>
public sealed class MachineProbeTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_disk_is_judged_by_share_and_by_bytes()
    {
        var free = new DriveInfo(folder.Path).AvailableFreeSpace;
        Assert.Equal(HealthStatus.Healthy, Look.At(new DiskProbe(folder.Path, Amount.Parse("0%"), Amount.Parse("0%"))).Status);
        Assert.Equal(HealthStatus.Degraded, Look.At(new DiskProbe(folder.Path, Amount.Parse($"{free * 2}"), Amount.Parse("1MiB"))).Status);
        var full = Look.At(new DiskProbe(folder.Path, Amount.Parse("100%"), Amount.Parse("100%")));
        Assert.Equal(HealthStatus.Unhealthy, full.Status);
        Assert.Contains("inodes free", full.Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Unknown, Look.At(new DiskProbe(folder["missing"])).Status);
        Assert.Throws<MaintenanceException>(() => Amount.Parse("20"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_disk_that_will_be_full_within_days_is_degraded_whatever_is_free(bool inodes)
    {
        var volume = VolumeFacts.Of(folder.Path);
        var (used, free) = inodes ? (volume.Inodes - volume.InodesFree, volume.InodesFree) : (volume.Size - volume.Free, volume.Free);
        var check = new HealthCheck { Name = "disk", Probe = new DiskProbe(folder.Path, Amount.Parse("0%"), Amount.Parse("0%")), Retries = 0 };
        var log = new HealthLog(folder["history"]);
        for (var day = 10; day > 0; day--)
        {
            var past = new HealthResult { Name = "disk", Kind = "disk", Target = "x", Status = HealthStatus.Healthy, At = DateTimeOffset.UtcNow.AddDays(-day) };
            var then = used - (free / 4.0 * day);
            log.Add(check, past, new Observation { Status = HealthStatus.Healthy, Figure = inodes ? 0 : then, OtherFigure = inodes ? then : null }, CancellationToken.None);
        }

        var result = Look.At(check, folder["history"]);
        Assert.Equal(HealthStatus.Degraded, result.Status);
        Assert.Contains(inodes ? "inodes full in " : "full in ", result.Reason, StringComparison.Ordinal);
        Assert.InRange(((TimeSpan)result.Facts[inodes ? "InodesFullLikely" : "FullLikely"]).TotalDays, 3, 5);
    }

    [Fact]
    public void What_has_no_room_at_all_is_no_disk()
    {
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(HealthStatus.Unknown, Look.At(new DiskProbe("/proc")).Status);
        }
    }

    [FullVolumeFact]
    public void A_disk_that_became_read_only_is_unhealthy()
    {
        using var volume = new FullVolume(4);
        Assert.Equal(HealthStatus.Healthy, Look.At(new DiskProbe(volume["."])).Status);
        volume.MakeReadOnly();
        Assert.Contains("mounted read-only", Look.At(new DiskProbe(volume["."])).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Memory_is_judged_by_what_can_be_had()
    {
        Assert.Equal(HealthStatus.Healthy, Look.At(new MemoryProbe(Amount.Parse("0%"), Amount.Parse("0%"))).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new MemoryProbe(unhealthy: Amount.Parse("100%"))).Status);
    }

    [Fact]
    public void A_process_runs_or_not_and_takes_what_it_may()
    {
        var self = Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture);
        var result = Look.At(new ProcessProbe(self));
        Assert.Equal(HealthStatus.Healthy, result.Status);
        Assert.True((long)result.Facts["Memory"] > 1 << 20);
        Assert.Equal(HealthStatus.Degraded, Look.At(new ProcessProbe(self, new ProcessLimits { MaxMemory = 1 })).Status);
        Assert.Equal(HealthStatus.Degraded, Look.At(new ProcessProbe(self, new ProcessLimits { MaxOpenFiles = 0 })).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new ProcessProbe(self, new ProcessLimits { MinCount = 2 })).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new ProcessProbe("no-such-program")).Status);
    }

    [Fact]
    public void A_process_that_keeps_a_processor_busy_is_told()
    {
        using var busy = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "while :; do :; done"]))!;
        try
        {
            var name = busy.Id.ToString(System.Globalization.CultureInfo.InvariantCulture);
            Assert.Contains("processors busy", Look.At(new ProcessProbe(name, new ProcessLimits { MaxCpu = 0.1 })).Reason, StringComparison.Ordinal);
        }
        finally
        {
            busy.Kill();
        }
    }

    [UnprivilegedFact]
    public void Files_that_cannot_be_counted_are_not_few() =>
        Assert.Equal(HealthStatus.Unknown, Look.At(new ProcessProbe("1", new ProcessLimits { MaxOpenFiles = 100_000 })).Status);

    [Fact]
    public void A_process_that_was_restarted_since_the_last_look_is_told_once()
    {
        var check = new HealthCheck { Name = "sleeper", Probe = new ProcessProbe("mops-sleeper"), Retries = 0 };
        File.Copy("/bin/sleep", folder["mops-sleeper"]);
        using (var first = Process.Start(folder["mops-sleeper"], "60"))
        {
            Assert.Equal(HealthStatus.Healthy, Look.At(check, folder["history"]).Status);
            first.Kill();
            first.WaitForExit();
        }

        // Start times are told in whole seconds, with a tolerance of two.
        Thread.Sleep(3100);
        using var second = Process.Start(folder["mops-sleeper"], "60");
        Assert.Contains("restarted", Look.At(check, folder["history"]).Reason, StringComparison.Ordinal);
        Assert.Equal(HealthStatus.Healthy, Look.At(check, folder["history"]).Status);
        second.Kill();
    }

    [Fact]
    public void A_process_that_has_ended_and_was_not_reaped_does_not_run()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        // The shell's child ends; what the shell becomes never asks for it.
        using var parent = Process.Start(new ProcessStartInfo("/bin/sh", ["-c", "sleep 0.1 & echo $!; exec sleep 30"]) { RedirectStandardOutput = true })!;
        try
        {
            var child = parent.StandardOutput.ReadLine()!;
            Assert.True(SpinWait.SpinUntil(() => File.ReadAllText($"/proc/{child}/stat").Contains(") Z ", StringComparison.Ordinal), TimeSpan.FromSeconds(20)));
            Assert.Equal(HealthStatus.Unhealthy, Look.At(new ProcessProbe(child)).Status);
        }
        finally
        {
            parent.Kill();
        }
    }

    [Fact]
    public void What_a_program_said_counts_though_one_that_it_left_behind_keeps_its_output_open() =>
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new CommandProbe(ProgramLine.Shell("echo error; sleep 3 &"), output: "!= error")).Status);

    [Fact]
    public void A_program_is_judged_by_exit_code_and_output()
    {
        Assert.Equal(HealthStatus.Healthy, Run("exit 0").Status);
        Assert.Equal("exit code 3: it is broken", Run("echo fine; echo it is broken >&2; exit 3").Reason);
        Assert.Equal(HealthStatus.Degraded, Look.At(new CommandProbe(ProgramLine.Shell("exit 1"), degradedCodes: [1])).Status);
        Assert.Equal(HealthStatus.Healthy, Look.At(new CommandProbe(ProgramLine.Shell("echo 42"), output: "> 40")).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new CommandProbe(ProgramLine.Shell("echo 42"), output: "< 40")).Status);
        Assert.Equal(HealthStatus.Unknown, Look.At(new CommandProbe(ProgramLine.Of("/no/such/program", []))).Status);
        Assert.Equal("a b", Look.At(new CommandProbe(ProgramLine.Of("/bin/echo", ["a b"]))).Reason);
    }

    [Fact]
    public void A_program_that_does_not_end_is_ended_with_all_that_it_started()
    {
        // A time of its own tells its processes from those of another run on this machine.
        var time = $"61.{Environment.ProcessId}";
        var clock = Stopwatch.StartNew();
        var result = Look.At(new CommandProbe(ProgramLine.Shell($"sh -c 'sleep {time}; touch {folder["late"]}' & (setsid sleep {time} &) ; (sleep {time} &) ; sleep {time}")), TimeSpan.FromMilliseconds(500));
        Assert.Equal("No answer within 500 ms.", result.Reason);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(15));
        Assert.DoesNotContain(Process.GetProcessesByName("sleep"), p => Commandline(p).Contains(time, StringComparison.Ordinal));
    }

    [Fact]
    public void A_program_that_writes_without_end_costs_no_memory()
    {
        var before = GC.GetTotalMemory(forceFullCollection: true);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new CommandProbe(ProgramLine.Shell("yes")), TimeSpan.FromMilliseconds(700)).Status);
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before < 16 << 20);
    }

    [Fact]
    public void A_secret_among_a_programs_arguments_is_not_told()
    {
        var result = Look.At(new CommandProbe(ProgramLine.Shell("true --password hunter2")));
        Assert.DoesNotContain("hunter2", result.ToString() + result.Target, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", new CommandProbe(ProgramLine.Shell("TOKEN=hunter2 PGPASSWORD=hunter2\ttrue")).Target, StringComparison.Ordinal);
        Assert.NotEqual(new CommandProbe(ProgramLine.Shell("true 1")).Target, new CommandProbe(ProgramLine.Shell("true 2")).Target);
    }

    [Fact]
    public void A_port_is_connected_to_and_its_greeting_read()
    {
        using var server = new RawServer((_, _, _) => Task.CompletedTask);
        Assert.Equal(HealthStatus.Healthy, Look.At(new TcpProbe($"127.0.0.1:{server.Port}")).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new TcpProbe("127.0.0.1:1")).Status);
        Assert.Equal(HealthStatus.Unhealthy, Look.At(new TcpProbe("[::1]:1")).Status);
        Assert.All(["localhost", "localhost:0", ":80", "a b:80", "::1:80"], e => Assert.Throws<MaintenanceException>(() => new TcpProbe(e)));
    }

    private static HealthResult Run(string line) => Look.At(new CommandProbe(ProgramLine.Shell(line)));

    private static string Commandline(Process process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process.Id}/cmdline");
        }
        catch (IOException)
        {
            return "";
        }
    }
}
