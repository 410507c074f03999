using System.Diagnostics;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>A process that may not write large files, as a service unit or a shared host can set it.</summary>
public sealed class SizeLimitTests
{
    [Fact]
    public void A_restore_beyond_the_limit_is_an_error_and_changes_nothing()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        using var world = FaultWorld.Create();
        var before = TreeImage.Of(Path.Combine(world.Path, "tree"), times: false);
        var host = Path.Combine(AppContext.BaseDirectory, "MaintenanceOps.FaultHost");

        // The runtime itself maps a large file for its code, unless it is told not to.
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", $"ulimit -c 0; ulimit -f 600; DOTNET_EnableWriteXorExecute=0 exec '{host}' restore-files-in-place '{world.Path}' 0 Before"])
        {
            RedirectStandardError = true,
        })!;
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();

        const int killedBySize = 128 + 25;
        Assert.NotEqual(killedBySize, process.ExitCode);
        Assert.Contains("ulimit -f", errors, StringComparison.Ordinal);

        // A checkpoint may have moved the log of the database in the tree into its file: other bytes, and the same content.
        Assert.Equal(WithoutDatabases(before), WithoutDatabases(TreeImage.Of(Path.Combine(world.Path, "tree"), times: false)));
    }

    private static IEnumerable<string> WithoutDatabases(string image) => image.Split('\n').Where(l => !l.Contains(".db", StringComparison.Ordinal));
}
