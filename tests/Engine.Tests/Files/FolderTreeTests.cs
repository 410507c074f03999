using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

public sealed class FolderTreeTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_path_longer_than_the_system_takes_at_once_is_made_found_and_removed()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        var path = string.Join('/', Enumerable.Range(0, 60).Select(i => $"{i}-" + new string('n', 120)));
        using (var area = StagingArea.Create("", TreeAccess.Current.OpenFolder(folder.Path)))
        {
            area.MakeFolder(path);
            using (var deep = area.Brought.Open(path))
            {
                deep.Folder.CreateFile("file").Dispose();
            }

            // Many others in between: what was closed meanwhile is opened again from the top.
            for (var i = 0; i < 200; i++)
            {
                area.MakeFolder($"other{i}");
                area.Brought.Open($"other{i}").Dispose();
            }

            using var again = area.Brought.Open(path);
            Assert.NotNull(again.Folder.Look("file"));
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void A_link_on_the_way_is_an_error()
    {
        Directory.CreateDirectory(folder["top/inner"]);
        Directory.CreateDirectory(folder["outside/inner"]);
        File.CreateSymbolicLink(folder["top/link"], folder["outside"]);
        using var top = TreeAccess.Current.OpenFolder(folder["top"]);
        using var tree = new FolderTree(top);
        tree.Open("inner").Dispose();
        Assert.ThrowsAny<IOException>(() => tree.Open("link/inner"));
        Assert.ThrowsAny<IOException>(() => tree.Open("link"));
    }

    [Fact]
    public void Clearing_removes_folders_that_nobody_may_enter_and_follows_no_link()
    {
        Directory.CreateDirectory(folder["top/closed/deep"]);
        Directory.CreateDirectory(folder["outside"]);
        File.WriteAllText(folder["outside/precious"], "precious");
        File.WriteAllText(folder["top/closed/deep/file"], "x");
        File.CreateSymbolicLink(folder["top/closed/link"], folder["outside"]);
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(folder["top/closed/deep"], UnixFileMode.None);
            File.SetUnixFileMode(folder["top/closed"], UnixFileMode.None);
        }

        using (var top = TreeAccess.Current.OpenFolder(folder["top"]))
        {
            FolderTree.Clear(top);
        }

        Assert.Empty(Directory.EnumerateFileSystemEntries(folder["top"]));
        Assert.Equal("precious", File.ReadAllText(folder["outside/precious"]));
    }

    [FullVolumeFact]
    public void Clearing_leaves_what_is_mounted_alone()
    {
        Directory.CreateDirectory(folder["top/a/mount"]);
        Assert.True(FullVolume.TryMount(folder["top/a/mount"], 1));
        try
        {
            File.WriteAllText(folder["top/a/mount/precious"], "precious");
            using var top = TreeAccess.Current.OpenFolder(folder["top"]);
            Assert.Throws<IOException>(() => FolderTree.Clear(top));
            Assert.Equal("precious", File.ReadAllText(folder["top/a/mount/precious"]));
        }
        finally
        {
            FullVolume.Unmount(folder["top/a/mount"]);
        }
    }
}
