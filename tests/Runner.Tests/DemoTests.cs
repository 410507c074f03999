using System.Diagnostics;

namespace MaintenanceOps.Runner.Tests;

/// <summary>The demo checks itself; here it must be quick, leave nothing, and leave everything when asked.</summary>
public sealed class DemoTests : Place
{
    [Fact]
    public void The_demo_passes_under_20_seconds_and_leaves_nothing()
    {
        var mops = Mops();
        mops.Environment.Clear();
        var watch = Stopwatch.StartNew();
        var run = mops.Run("demo").Expect(0);
        Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20), $"It took {watch.Elapsed}.");
        Assert.Contains("All is well", run.Output, StringComparison.Ordinal);
        Assert.All(run.Lines, l => Assert.True(l.Length <= 110, l));
        Assert.Empty(Directory.EnumerateFileSystemEntries(InFolder("tmp")));
    }

    [Fact]
    public void The_demo_gives_its_figures_as_json_and_keeps_its_folder()
    {
        var mops = Mops();
        var result = mops.Run("demo", "--keep", "demo", "--json").Expect(0).Json.Single();
        Assert.True(result.GetProperty("passed").GetBoolean());
        Assert.Equal(result.GetProperty("rowsInSnapshot").GetInt64(), Count(InFolder("demo/notes/notes.db"), "notes"));
        Assert.True(result.GetProperty("secondStored").GetInt64() * 10 < result.GetProperty("firstStored").GetInt64());
        
        // Two of each source, the state before the restore of each, and the restored database.
        Assert.Equal(7, mops.Run("list", "--repository", "demo/repository", "--json").Expect(0).Json.Length);
        mops.Run("demo", "--keep", "demo").Expect(2);
    }
}
