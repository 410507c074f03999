using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>What version 2 of the format adds comes back without the engine, too.</summary>
public sealed class VersionTwoTests : IDisposable
{
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [LinuxFact]
    public void Rescue_restores_attributes_pipes_devices_and_times_of_any_year()
    {
        var tree = Directory.CreateDirectory(folder["tree"]).FullName;
        LinuxFiles.Write(tree, @"caf\351", "x");
        Directory.CreateDirectory(folder["tree/sub"]);
        File.WriteAllText(folder["tree/sub/far"], "y");
        LinuxFiles.Pipe(folder["tree/pipe"]);
        LinuxFiles.Socket(folder["tree/socket"]);
        File.CreateSymbolicLink(folder["tree/link"], "sub/far");
        LinuxFiles.Set(folder["tree/sub"], null, new ExtendedAttribute("user.on-a-folder", [1, 2, 3]));
        LinuxFiles.Set(folder["tree/sub/far"], null, new ExtendedAttribute("user.a", []), new ExtendedAttribute("user.b", [0]));
        LinuxFiles.Run("touch", "-d", "2345-06-07 08:09:10.123456789 UTC", folder["tree/sub/far"]);
        LinuxFiles.Run("touch", "-h", "-d", "1902-03-04 05:06:07.5 UTC", folder["tree/link"]);
        if (Environment.IsPrivilegedProcess)
        {
            _ = LinuxFiles.Try("mknod", folder["tree/device"], "b", "7", "300");
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree);
        File.Delete(folder["tree/socket"]);
        var (code, output) = Rescue.Run(null, folder["repository"], snapshot.Id[..12], folder["rescued"]);
        Assert.True(code == 0, output);
        Assert.Contains("socket is a socket", output, StringComparison.Ordinal);
        Assert.Equal(TreeImage.Of(tree).Split('\n')[1..], TreeImage.Of(folder["rescued"]).Split('\n')[1..]);
        Assert.Equal(Attributes("tree"), Attributes("rescued"));

        repository.Restore(snapshot, folder["restored"]);
        Assert.Equal(Attributes("tree"), Attributes("restored"));
    }

    /// <summary>The repository was made once and is never made again.</summary>
    [LinuxFact]
    public void What_the_first_writer_of_version_2_wrote_opens_for_ever()
    {
        using var repository = Repository.Open(GoldenData.Copy("version-2", folder.Path));
        var snapshot = new SnapshotCatalog(repository).Find("latest");
        var entries = Listing.Entries(Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), default)).ToDictionary(e => e.Path);
        Assert.Equal(2, repository.ReadManifest(snapshot.Id).Format);
        Assert.Equal(new FileTime(11_847_456_550, 123_456_789), entries["sub/far"].Modified);
        Assert.Equal([new("user.b\udcff", [0, 10]), new ExtendedAttribute("user.empty", [])], entries["sub/far"].Attributes);
        Assert.Equal([new ExtendedAttribute("user.on-a-folder", [1, 2, 3])], entries["sub"].Attributes);
        Assert.Equal((EntryKind.Fifo, 0x1a0), (entries["pipe"].Kind, entries["pipe"].Mode));
        Assert.Equal((ContentKind.SqliteDatabase, ContentKind.Plain), (entries["app.db"].Content, entries["shared"].Content));
        Assert.Equal("g", entries[""].Via);
        Assert.Equal(2026, entries["shared"].Born!.Value.ToDateTimeOffset().Year);
        Assert.Empty(repository.Check());

        repository.Restore(snapshot, folder["restored"]);
        var (code, output) = Rescue.Run(null, GoldenData.FolderOf("version-2"), "latest", folder["rescued"]);
        Assert.True(code == 0, output);
        Assert.Equal(TreeImage.Of(folder["restored"]).Split('\n')[1..], TreeImage.Of(folder["rescued"]).Split('\n')[1..]);
        Assert.Equal(Attributes("restored"), Attributes("rescued"));
        Assert.Equal(3, Attributes("restored").Count);
    }

    private List<string> Attributes(string root) =>
        [.. new[] { "sub", "sub/far" }.SelectMany(p => TreeAccess.Current.Attributes(folder[$"{root}/{p}"], (_, _) => { }).Select(a => $"{p} {a.Name} {Convert.ToHexString(a.Value)}"))];
}
