using System.Diagnostics;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Engine.Storage;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Storage;

/// <summary>Small files that a user names may be pipes and devices: reading them ends.</summary>
public sealed class GivenFileTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [LinuxFact]
    public void A_pipe_that_nobody_writes_to_is_an_error_and_no_wait_for_ever()
    {
        LinuxFiles.Pipe(folder["plan.yaml"]);
        var watch = Stopwatch.StartNew();
        var error = Assert.Throws<MaintenanceException>(() => PlanFile.Load(folder["plan.yaml"]));
        Assert.Contains("nothing writes to it", error.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.InputOutput, error.Code);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    [LinuxFact]
    public void What_a_shell_passes_on_is_read()
    {
        LinuxFiles.Pipe(folder["key"]);
        using var writer = Process.Start("sh", ["-c", $"sleep 0.5; echo secret > '{folder["key"]}'"]);
        Assert.Equal("secret"u8.ToArray(), Passphrase.FromFile(folder["key"]).Bytes.ToArray());
        writer.WaitForExit();
    }

    [LinuxFact]
    public void A_device_without_an_end_is_an_error()
    {
        var error = Assert.Throws<MaintenanceException>(() => Passphrase.FromFile("/dev/zero"));
        Assert.Contains("more than 4 MiB", error.Message, StringComparison.Ordinal);
        Assert.Equal(ErrorCode.InvalidArgument, Assert.Throws<MaintenanceException>(() => Passphrase.FromFile("/dev/null")).Code);
    }

    [Fact]
    public void Marks_of_the_encoding_are_no_text()
    {
        File.WriteAllText(folder["a"], "app: x", System.Text.Encoding.Unicode);
        Assert.Equal("app: x", GivenFile.Text(folder["a"], "read"));
    }

    [Fact]
    public void A_file_that_is_not_there_is_said_so()
    {
        var error = Assert.Throws<MaintenanceException>(() => GivenFile.Bytes(folder["none"], "read the plan"));
        Assert.Equal(ErrorCode.PathNotFound, error.Code);
        Assert.Contains("read the plan", error.Message, StringComparison.Ordinal);
    }
}
