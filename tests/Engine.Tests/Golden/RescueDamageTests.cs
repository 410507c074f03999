using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>rescue.cs restores what it can, says what is lost, and touches nothing outside its destination.</summary>
public sealed class RescueDamageTests : IDisposable
{
    private readonly TestFolder folder = new();
    private readonly string copy;

    public RescueDamageTests() => copy = GoldenData.Copy(GoldenData.Plain, folder.Path);

    public void Dispose() => folder.Dispose();

    [Fact]
    public void A_damaged_frame_costs_its_blocks_and_nothing_else()
    {
        var first = Expected("files-1");
        var second = Expected("files-2");
        using (var repository = Repository.Open(copy))
        {
            // The pack that only the second snapshot of the files needs: its listing and the end of the large file.
            var only = Blocks(repository, second.Id).Except(Blocks(repository, first.Id)).First();
            var at = repository.Index.Locate(repository.Index.Find(only));
            Flip(Pack.ObjectName(at.Pack.PackId), (int)at.Pack.Frames[at.Frame].Offset + 10);
        }

        Assert.Equal(0, Rescue.Run(null, copy, first.Id, folder["first"]).Code);
        var (code, output) = Rescue.Run(null, copy, second.Id, folder["second"]);

        Assert.Equal(1, code);
        Assert.Contains("LOST: ", output, StringComparison.Ordinal);
        if (OperatingSystem.IsLinux())
        {
            Assert.Equal(first.Lines, GoldenData.Describe(folder["first"]));
        }
    }

    [Fact]
    public void A_lost_manifest_leaves_its_map_to_restore_from()
    {
        var expected = Expected("sqlite-2");
        string map;
        using (var repository = Repository.Open(copy))
        {
            map = repository.ReadManifest(expected.Id).Map;
        }

        Flip(Manifest.ObjectName(expected.Id), 60);

        var (code, output) = Rescue.Run(null, copy);
        Assert.Equal(1, code);
        Assert.Contains($"maps/{map}", output, StringComparison.Ordinal);
        Assert.Equal(1, Rescue.Run(null, copy, expected.Id, folder["none"]).Code);
        Assert.Equal(0, Rescue.Run(null, copy, $"maps/{map}", folder["out.db"]).Code);
        Assert.Equal(expected.Lines, GoldenData.Describe(folder["out.db"]));
    }

    [Fact]
    public void A_lost_base_map_is_named()
    {
        var expected = Expected("sqlite-2");
        using (var repository = Repository.Open(copy))
        {
            File.Delete(Path.Combine(copy, PageMap.ObjectName(repository.ReadMapBase(repository.ReadManifest(expected.Id).Map)!)));
        }

        var (code, output) = Rescue.Run(null, copy, expected.Id, folder["out.db"]);

        Assert.Equal(1, code);
        Assert.Contains("LOST: maps/", output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_listing_stays_inside_the_destination()
    {
        string id;
        using (var repository = Repository.Open(copy))
        {
            File.WriteAllText(folder["secret"], "outside");
            id = Forgery.Commit(
                repository,
                new() { Path = "", Kind = EntryKind.Folder, Mode = 0x1c0 },
                new() { Path = "../escaped", Kind = EntryKind.Folder, Mode = 0x1c0 },
                new() { Path = "/absolute", Kind = EntryKind.Folder, Mode = 0x1c0 },
                new() { Path = "door", Kind = EntryKind.Link, Target = folder.Path },
                new() { Path = "door/through", Kind = EntryKind.Link, Target = "x" },
                new() { Path = "name-1", Kind = EntryKind.HardLink, Target = "../secret" },
                new() { Path = "name-2", Kind = EntryKind.HardLink, Target = "door/secret" },
                new() { Path = "good", Kind = EntryKind.Folder, Mode = 0x1ed }).Id;
        }

        var before = Directory.GetFileSystemEntries(folder.Path).Append(folder["out"]).Order();
        var (code, output) = Rescue.Run(null, copy, id, folder["out"]);

        Assert.True(code == 1, output);
        Assert.Equal(before, Directory.GetFileSystemEntries(folder.Path).Order());
        Assert.False(File.Exists(folder["out/name-1"]) || File.Exists(folder["out/name-2"]));
        Assert.True(Directory.Exists(folder["out/good"]));
    }

    private static GoldenData.Expected Expected(string name) => GoldenData.ExpectedOf(GoldenData.Plain).Single(s => s.Name == name);

    private static IReadOnlyList<BlockId> Blocks(Repository repository, string id) =>
        SnapshotBlocks.Of(repository, id, repository.ReadManifest(id), default);

    private void Flip(string name, int at)
    {
        var path = Path.Combine(copy, name);
        var bytes = File.ReadAllBytes(path);
        bytes[at] ^= 1;
        File.WriteAllBytes(path, bytes);
    }
}
