using System.Diagnostics;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>
/// Root restores into a folder that somebody else owns, who puts links in the place of folders while it runs: nothing is
/// written, given away or removed outside the destination.
/// </summary>
public sealed class RestoreRaceTests : IDisposable
{
    private const string Nobody = "65534:65534";
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [FullVolumeTheory]
    [InlineData("scratch")]
    [InlineData("inner folder")]
    [InlineData("destination")]
    public void A_folder_that_becomes_a_link_leads_nowhere(string what)
    {
        Directory.CreateDirectory(folder["home/data/sub"]);
        Directory.CreateDirectory(folder["system/sub"]);
        for (var i = 0; i < 20; i++)
        {
            File.WriteAllText(folder[$"home/data/sub/job{i}"], $"job {i}");
        }

        Run("chown", "-R", Nobody, folder["home"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["home/data"]);
        var outside = TreeImage.Of(folder["system"]);
        Action swap = what switch
        {
            "scratch" => () => SwapScratch(folder["home/data"]),
            "inner folder" => () => Swap(folder["home/data/sub"], folder["system/sub"]),
            _ => () => Swap(folder["home/data"], folder["system"]),
        };

        var failure = Record.Exception(() => new SnapshotRestore(repository, new ActingSink(swap)).Run(snapshot, new RestoreOptions { InPlace = true, Force = true }));
        Assert.True(failure is null or MaintenanceException, failure?.ToString());
        if (what == "scratch")
        {
            Assert.Null(failure);
        }

        Assert.Equal(outside, TreeImage.Of(folder["system"]));
    }

    [FullVolumeFact]
    public void What_a_dead_restore_left_is_removed_without_following_a_link_in_it()
    {
        Directory.CreateDirectory(folder["home"]);
        Directory.CreateDirectory(folder["system"]);
        File.WriteAllText(folder["system/precious"], "precious");
        var orphan = folder["home/.mops-scratch-99999999-1-abc"];
        Directory.CreateDirectory(orphan + "/new/deep");
        File.CreateSymbolicLink(orphan + "/new/deep/link", folder["system"]);
        File.CreateSymbolicLink(folder["home/.mops-scratch-99999998-1-abc"], folder["system"]);
        ScratchFolder.Create(folder["home"]).Dispose();
        Assert.False(Directory.Exists(orphan));
        Assert.Equal("precious", File.ReadAllText(folder["system/precious"]));
    }

    [FullVolumeFact]
    public void A_link_of_somebody_else_to_a_folder_that_is_not_theirs_is_not_followed_for_root()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "a");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        Directory.CreateDirectory(folder["home/own"]);
        Directory.CreateDirectory(folder["system"]);
        File.CreateSymbolicLink(folder["home/bad"], folder["system"]);
        File.CreateSymbolicLink(folder["home/good"], "own");
        Run("chown", "-Rh", Nobody, folder["home"]);
        foreach (var destination in new[] { "home/bad", "home/bad/new" })
        {
            var error = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder[destination]));
            Assert.Equal(ErrorCode.DestinationEscaped, error.Code);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["system"]));
        repository.Restore(snapshot, folder["home/good"]);
        Assert.Equal("a", File.ReadAllText(folder["home/own/a"]));
    }

    [FullVolumeFact]
    public void A_file_with_further_names_is_not_given_away()
    {
        File.WriteAllText(folder["old"], "old");
        File.WriteAllText(folder["shadow"], "secret");
        Run("chown", Nobody, folder["old"]);
        Run("ln", folder["shadow"], folder["staged"]);
        var warnings = new List<string>();
        FileAttributesCopy.Apply(folder["old"], folder["staged"], warnings);
        Assert.Equal(0, TreeAccess.Current.Facts(folder["shadow"])!.Value.User);
        Assert.Single(warnings);
    }

    [Theory]
    [InlineData("link")]
    [InlineData("chain")]
    public void A_destination_that_is_a_link_to_a_folder_is_gone_into_and_stays(string name)
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "a");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        Directory.CreateDirectory(folder["releases/42"]);
        File.CreateSymbolicLink(folder["link"], "releases/../releases/42");
        File.CreateSymbolicLink(folder["chain"], folder["link"]);
        repository.Restore(snapshot, folder[name]);
        Assert.Equal("a", File.ReadAllText(folder["releases/42/a"]));
        Assert.NotNull(new FileInfo(folder[name]).LinkTarget);

        File.WriteAllText(folder["releases/42/a"], "changed");
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder[name])).Code);
        repository.Restore(snapshot, folder[name], force: true);
        Assert.Equal("a", File.ReadAllText(folder["releases/42/a"]));
    }

    [Fact]
    public void A_dangling_link_is_in_the_way_and_a_ring_of_links_is_an_error()
    {
        Directory.CreateDirectory(folder["tree"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.CreateSymbolicLink(folder["dangling"], "nowhere");
        File.CreateSymbolicLink(folder["ring"], "ring");
        foreach (var name in new[] { "dangling", "ring" })
        {
            Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder[name])).Code);
        }
    }

    /// <summary>What the owner of the destination can do to a folder that only root may enter: move it, and put another there.</summary>
    private void SwapScratch(string home)
    {
        foreach (var scratch in Directory.GetDirectories(home, ".mops-scratch-*"))
        {
            Directory.Move(scratch, folder["home/moved"]);
            Directory.CreateDirectory(scratch);
            File.CreateSymbolicLink(scratch + "/new", folder["system"]);
            File.CreateSymbolicLink(scratch + "/old", folder["system"]);
        }
    }

    private void Swap(string path, string target)
    {
        Directory.Move(path, folder["home/moved"]);
        File.CreateSymbolicLink(path, target);
        Run("chown", "-h", Nobody, path);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
