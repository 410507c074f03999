using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>What stands where a restore puts something is refused, or kept in the safety snapshot; nothing else is touched.</summary>
public sealed class RestoreConflictTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [LinuxFact]
    public void Folders_on_the_way_to_what_is_chosen_stay_as_they_are()
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        Directory.CreateDirectory(folder["tree/p/q"]);
        File.WriteAllText(folder["tree/p/q/f"], "old");
        Directory.CreateDirectory(folder["tree/p/gone"]);
        File.WriteAllText(folder["tree/p/gone/g"], "old");
        File.SetUnixFileMode(folder["tree/p"], (UnixFileMode)0x1c0);
        File.SetUnixFileMode(folder["tree/p/gone"], (UnixFileMode)0x1c0);
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.SetUnixFileMode(folder["tree/p"], (UnixFileMode)0x1ed);
        Directory.Delete(folder["tree/p/gone"], recursive: true);
        repository.Restore(snapshot, new RestoreOptions { InPlace = true, Include = ["p/q/f", "p/gone/g"] });
        Assert.Equal((UnixFileMode)0x1ed, File.GetUnixFileMode(folder["tree/p"]));
        Assert.Equal((UnixFileMode)0x1c0, File.GetUnixFileMode(folder["tree/p/gone"]));
        Assert.Equal("old", File.ReadAllText(folder["tree/p/gone/g"]));
    }

    [Theory]
    [InlineData("a file where the snapshot has a folder")]
    [InlineData("a link where the snapshot has a folder")]
    [InlineData("a folder where the snapshot has a file")]
    [InlineData("a folder where the snapshot has a link")]
    public void Another_kind_in_the_way_is_refused_and_with_force_kept(string what)
    {
        Directory.CreateDirectory(folder["tree/things"]);
        File.WriteAllText(folder["tree/things/inner"], "from the snapshot");
        File.WriteAllText(folder["tree/plain"], "from the snapshot");
        File.CreateSymbolicLink(folder["tree/pointer"], "plain");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        var original = TreeImage.Of(folder["tree"], times: false);

        Directory.CreateDirectory(folder["elsewhere"]);
        File.WriteAllText(folder["elsewhere/victim"], "not ours");
        Action replace = what switch
        {
            "a file where the snapshot has a folder" => () => { Directory.Delete(folder["tree/things"], true); File.WriteAllText(folder["tree/things"], "mine"); },
            "a link where the snapshot has a folder" => () => { Directory.Delete(folder["tree/things"], true); File.CreateSymbolicLink(folder["tree/things"], folder["elsewhere"]); },
            "a folder where the snapshot has a file" => () => { File.Delete(folder["tree/plain"]); MakeFolder("tree/plain"); },
            _ => () => { File.Delete(folder["tree/pointer"]); MakeFolder("tree/pointer"); },
        };
        replace();
        var mine = TreeImage.Of(folder["tree"]);

        foreach (var dry in new[] { true, false })
        {
            var refused = Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, new RestoreOptions { Destination = folder["tree"], DryRun = dry }));
            Assert.Equal(ErrorCode.DestinationInUse, refused.Code);
        }

        Assert.Equal(mine, TreeImage.Of(folder["tree"]));
        var result = repository.Restore(snapshot, folder["tree"], force: true);
        Assert.Equal(original, TreeImage.Of(folder["tree"], times: false));
        Assert.Equal(["victim"], Directory.EnumerateFileSystemEntries(folder["elsewhere"]).Select(Path.GetFileName));

        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        var kept = TreeImage.Of(folder["kept"]).Split('\n').Select(l => l.Split(" ")[0]).ToList();
        var name = what.EndsWith("folder", StringComparison.Ordinal) ? "/things" : what.EndsWith("link", StringComparison.Ordinal) ? "/pointer" : "/plain";
        Assert.Contains(name, kept);
        if (what.StartsWith("a folder", StringComparison.Ordinal))
        {
            Assert.Contains($"{name}/deep/mine", kept);
        }
        else if (what.StartsWith("a link", StringComparison.Ordinal))
        {
            Assert.Equal(folder["elsewhere"], TreeAccess.Current.ReadLink(folder["kept/things"]));
        }
    }

    [Fact]
    public void A_file_that_appears_while_the_restore_runs_is_not_replaced()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "old a");
        File.WriteAllText(folder["tree/z"], "old z");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "new a");
        File.Delete(folder["tree/z"]);

        var sink = new ActingSink(() => File.WriteAllText(folder["tree/z"], "just written"));
        var error = Assert.Throws<MaintenanceException>(() => new SnapshotRestore(repository, sink).Run(snapshot, new RestoreOptions { InPlace = true }));
        Assert.Equal(ErrorCode.DestinationInUse, error.Code);
        Assert.Equal("just written", File.ReadAllText(folder["tree/z"]));
        Assert.Equal("new a", File.ReadAllText(folder["tree/a"]));
        Assert.Equal(2, Directory.EnumerateFileSystemEntries(folder["tree"]).Count());
    }

    [Fact]
    public void A_destination_that_is_a_file_is_refused_and_with_force_kept()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "a");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        File.WriteAllText(folder["out"], "a file");
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder["out"])).Code);
        Assert.Equal(ErrorCode.DestinationInUse, Assert.Throws<MaintenanceException>(() => repository.Restore(snapshot, folder["out/below"], force: true)).Code);
        Assert.Equal("a file", File.ReadAllText(folder["out"]));

        var result = repository.Restore(snapshot, folder["out"], force: true);
        Assert.Equal("a", File.ReadAllText(folder["out/a"]));
        repository.Restore(new SnapshotCatalog(repository).Find(result.SafetySnapshot!), folder["kept"]);
        Assert.Equal("a file", File.ReadAllText(folder["kept/out"]));
    }

    [Fact]
    public void Folders_on_the_way_to_a_destination_go_again_where_the_restore_fails()
    {
        Directory.CreateDirectory(folder["tree"]);
        File.WriteAllText(folder["tree/a"], "a");
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        using var cancelled = new CancellationTokenSource();
        var sink = new ActingSink(cancelled.Cancel);
        Assert.ThrowsAny<Exception>(() => new SnapshotRestore(repository, sink).Run(snapshot, new RestoreOptions { Destination = folder["x/y/out"] }, cancelled.Token));
        Assert.False(Directory.Exists(folder["x"]));
        repository.Restore(snapshot, folder["x/y/out"]);
        Assert.Equal("a", File.ReadAllText(folder["x/y/out/a"]));
        Assert.Equal(["out"], Directory.EnumerateFileSystemEntries(folder["x/y"]).Select(Path.GetFileName));
    }

    private void MakeFolder(string path)
    {
        Directory.CreateDirectory(folder[path + "/deep"]);
        File.WriteAllText(folder[path + "/deep/mine"], "mine");
    }
}

/// <summary>Does something once, at the first sign of progress: after the look at the destination, before the swap.</summary>
internal sealed class ActingSink(Action act) : IOperationSink
{
    private int acted;

    public void Progress(string activity, long done, long total, string? unit = null)
    {
        if (activity.StartsWith("Restoring", StringComparison.Ordinal) && Interlocked.Exchange(ref acted, 1) == 0)
        {
            act();
        }
    }

    public void Warn(string message)
    {
    }

    public void Inform(string message)
    {
    }
}
