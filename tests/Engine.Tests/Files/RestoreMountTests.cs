using System.Diagnostics;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>Restores over what is mounted: by volume, or with an error that names the mount, and never half.</summary>
public sealed class RestoreMountTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly List<string> mounts = [];

    public void Dispose()
    {
        foreach (var mount in Enumerable.Reverse(mounts))
        {
            FullVolume.Unmount(mount);
        }

        folder.Dispose();
    }

    [FullVolumeFact]
    public void A_tree_with_mounts_inside_comes_back_on_each_of_them()
    {
        Directory.CreateDirectory(folder["tree/uploads/cache"]);
        Directory.CreateDirectory(folder["tree/bound"]);
        Directory.CreateDirectory(folder["source"]);
        Mount("tree/uploads");
        Directory.CreateDirectory(folder["tree/uploads/cache"]);
        Mount("tree/uploads/cache");
        Bind("source", "tree/bound");
        foreach (var file in new[] { "a", "uploads/b", "uploads/cache/c", "bound/d" })
        {
            File.WriteAllText(folder["tree/" + file], "old " + file);
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        foreach (var file in new[] { "a", "uploads/b", "uploads/cache/c" })
        {
            File.WriteAllText(folder["tree/" + file], "new " + file);
        }

        File.Delete(folder["tree/bound/d"]);
        File.WriteAllText(folder["tree/uploads/extra"], "stays");
        repository.RestoreInPlace(snapshot);
        foreach (var file in new[] { "a", "uploads/b", "uploads/cache/c", "bound/d" })
        {
            Assert.Equal("old " + file, File.ReadAllText(folder["tree/" + file]));
        }

        Assert.Equal("old bound/d", File.ReadAllText(folder["source/d"]));
        Assert.Equal("stays", File.ReadAllText(folder["tree/uploads/extra"]));
        Assert.DoesNotContain(Directory.EnumerateFileSystemEntries(folder["tree"], ".*", SearchOption.AllDirectories), e => e.Contains("mops", StringComparison.Ordinal));
    }

    [FullVolumeFact]
    public void A_failure_takes_back_what_was_done_on_every_volume()
    {
        Directory.CreateDirectory(folder["tree/uploads"]);
        Mount("tree/uploads");
        File.WriteAllText(folder["tree/uploads/b"], "old");
        File.WriteAllText(folder["tree/z"], "old");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.WriteAllText(folder["tree/uploads/b"], "new");
        File.Delete(folder["tree/z"]);
        var sink = new ActingSink(() => File.WriteAllText(folder["tree/z"], "appeared"));
        Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, sink).Run(snapshot, new RestoreOptions { InPlace = true }));
        Assert.Equal("new", File.ReadAllText(folder["tree/uploads/b"]));
        Assert.Single(Directory.EnumerateFileSystemEntries(folder["tree/uploads"]));
    }

    [FullVolumeFact]
    public void A_name_of_a_file_on_another_volume_becomes_a_file_of_its_own_and_is_told()
    {
        Directory.CreateDirectory(folder["tree/uploads"]);
        File.WriteAllText(folder["tree/a"], "shared");
        Run("ln", folder["tree/a"], folder["tree/uploads/b"]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.Delete(folder["tree/uploads/b"]);
        Mount("tree/uploads");
        var result = repository.RestoreInPlace(snapshot);
        Assert.Equal("shared", File.ReadAllText(folder["tree/uploads/b"]));
        Assert.Contains(result.Warnings, w => w.Contains("hard link", StringComparison.Ordinal));
    }

    [FullVolumeTheory]
    [InlineData("config", true)]
    [InlineData("config", false)]
    [InlineData("inner", false)]
    public void What_is_mounted_and_would_have_to_move_is_named_and_nothing_is_changed(string what, bool dry)
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "old");
        File.WriteAllText(folder["tree/config"], "old");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "new");
        if (what == "config")
        {
            File.WriteAllText(folder["mounted"], "mounted");
            Bind("mounted", "tree/config");
        }
        else
        {
            // A folder stands where the snapshot has a file, and something is mounted in it.
            File.Delete(folder["tree/config"]);
            Directory.CreateDirectory(folder["tree/config/inner"]);
            Mount("tree/config/inner");
            File.WriteAllText(folder["tree/config/inner/precious"], "precious");
        }

        var error = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { InPlace = true, Force = true, DryRun = dry }));
        Assert.Equal(ErrorCode.MountInTheWay, error.Code);
        Assert.Contains(folder["tree/config"], error.Message, StringComparison.Ordinal);
        Assert.Equal("new", File.ReadAllText(folder["tree/a"]));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(folder["tree"]).Count());

        // The way out.
        if (!dry)
        {
            repository.Restore(snapshot, new RestoreOptions { InPlace = true, Include = ["a"] });
            Assert.Equal("old", File.ReadAllText(folder["tree/a"]));
            Assert.Equal(what == "config" ? "mounted" : "precious", File.ReadAllText(folder[what == "config" ? "mounted" : "tree/config/inner/precious"]));
        }
    }

    [FullVolumeFact]
    public void A_destination_whose_disk_goes_away_meanwhile_gets_nothing_below_its_empty_folder()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "a");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        foreach (var destination in new[] { "disk", "disk/new/er" })
        {
            Directory.CreateDirectory(folder["disk"]);
            Mount("disk");
            var sink = new ActingSink(() => FullVolume.Unmount(folder["disk"]));
            var error = Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, sink).Run(snapshot, new RestoreOptions { Destination = folder[destination] }));
            Assert.Equal(ErrorCode.InputOutput, error.Code);
            Assert.Empty(Directory.EnumerateFileSystemEntries(folder["disk"]));
        }
    }

    [FullVolumeFact]
    public void Holes_take_no_room_and_force_overrides_the_estimate()
    {
        Directory.CreateDirectory(folder["tree"]);
        using (var file = File.Create(folder["tree/sparse"]))
        {
            file.SetLength(1L << 32);
            file.Write("begin"u8);
        }

        File.WriteAllBytes(folder["tree/solid"], new byte[23 << 20]);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        using var small = new FullVolume(24);
        repository.Restore(snapshot, small["part"], false, "sparse");
        Assert.Equal(1L << 32, new FileInfo(small["part/sparse"]).Length);

        // 23 MiB of 24, of which a twentieth is to stay free.
        var full = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { Destination = small["whole"], DryRun = true }));
        Assert.Equal(ErrorCode.DiskFull, full.Code);
        repository.Restore(snapshot, small["whole"], force: true);
        Assert.Equal(23 << 20, new FileInfo(small["whole/solid"]).Length);
    }

    private void Mount(string path)
    {
        Assert.True(FullVolume.TryMount(folder[path], 4));
        mounts.Add(folder[path]);
    }

    private void Bind(string from, string to)
    {
        Run("mount", "--bind", folder[from], folder[to]);
        mounts.Add(folder[to]);
    }

    private static void Run(string program, params string[] arguments)
    {
        using var process = Process.Start(program, arguments);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }
}
