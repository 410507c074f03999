using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>What a file system keeps besides content, permissions and owner comes into a snapshot.</summary>
public sealed class CaptureTests : IDisposable
{
    /// <summary>Version 2: the owner rw, user 1000 rw, the group r, the mask rw, others nothing.</summary>
    private static readonly byte[] AccessList = Convert.FromHexString("0200000001000600ffffffff02000600e803000004000400ffffffff10000600ffffffff20000000ffffffff");

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [LinuxFact]
    public void Attributes_and_access_lists_are_recorded_and_a_change_of_one_is_a_difference()
    {
        var tree = Tree("a", "b");
        Assert.True(LinuxFiles.KeepAttributes(tree), "The temporary folder's volume keeps no attributes.");
        LinuxFiles.Set(At("a"), null, new("user.empty", []), new("user.\u00fcmlaut", [0, 255, 10]));
        LinuxFiles.Set(At("b"), null, new ExtendedAttribute("system.posix_acl_access", AccessList));
        using var repository = Repositories.New(folder);
        var first = repository.BackUpFiles(tree);

        Assert.Equal([new("user.empty", []), new ExtendedAttribute("user.\u00fcmlaut", [0, 255, 10])], EntryOf(repository, first, "a").Attributes);
        Assert.Equal([new ExtendedAttribute("system.posix_acl_access", AccessList)], EntryOf(repository, first, "b").Attributes);
        Assert.Equal(2, repository.ReadManifest(first.Id).Format);
        Assert.Equal(["user.empty", "user.\u00fcmlaut"], new SnapshotItems(repository).List(first, ["a"]).Single().Attributes);

        LinuxFiles.Set(At("a"), null, new ExtendedAttribute("user.empty", [7]));
        var second = repository.BackUpFiles(tree);
        var difference = Assert.Single(new SnapshotComparison(repository, SilentSink.Instance).Run(first, second));
        Assert.Equal(("a", "attribute user.empty"), (difference.Path, difference.Detail));
    }

    [LinuxFact]
    public void A_file_that_is_not_read_again_keeps_its_attributes_and_shows_new_ones()
    {
        var tree = Tree("same", "other");
        LinuxFiles.Set(At("same"), null, new ExtendedAttribute("user.x", [1]));
        LinuxFiles.Set(At("other"), null, new ExtendedAttribute("user.x", [1]));
        LinuxFiles.Run("sleep", "3.2");
        using var repository = Repositories.New(folder);
        repository.BackUpFiles(tree);
        LinuxFiles.Set(At("other"), null, new ExtendedAttribute("user.x", [2]));
        var second = repository.BackUpFiles(tree);
        Assert.Equal([new ExtendedAttribute("user.x", [1])], EntryOf(repository, second, "same").Attributes);
        Assert.Equal([new ExtendedAttribute("user.x", [2])], EntryOf(repository, second, "other").Attributes);
    }

    [LinuxFact]
    public void Attributes_that_cannot_be_read_are_told_once_with_a_count()
    {
        var sink = new WarningSink();
        var findings = new TreeFindings(sink);
        findings.MissAttribute("a", "user.x", "Input/output error");
        findings.MissAttribute("a", "user.y", "Input/output error");
        findings.MissAttribute("b", "", "Permission denied");
        findings.Close();
        Assert.Equal(2, findings.MissingCount);
        Assert.Equal(["a (user.x)", "b (extended attributes)"], findings.Missing);
        Assert.Contains("2 entries", Assert.Single(sink.Messages), StringComparison.Ordinal);
        Assert.Equal(sink.Messages, findings.Warnings);
        Assert.Empty(LinuxAttributes.Read([.. "/nowhere/at/all"u8, 0], (name, why) => Assert.Fail(name + why)));
    }

    [Fact]
    public void More_attributes_than_an_entry_may_have_are_no_entry()
    {
        var writer = new Engine.Snapshots.Format.ByteWriter();
        var entry = new FileEntry
        {
            Path = "a",
            Kind = EntryKind.File,
            Attributes = [.. Enumerable.Range(0, 17).Select(i => new ExtendedAttribute($"user.{i}", new byte[ExtendedAttribute.MaxValue]))],
        };
        entry.Write(writer);
        Assert.Throws<InvalidDataException>(() => Read(writer.Written.ToArray()));
    }

    [LinuxFact]
    public async Task Pipes_sockets_and_devices_are_recorded_and_never_opened()
    {
        var tree = Tree("a");
        LinuxFiles.Pipe(At("pipe"));
        LinuxFiles.Pipe(At("looks.db"));
        LinuxFiles.Socket(At("socket"));
        var hasDevice = Environment.IsPrivilegedProcess && LinuxFiles.Try("mknod", At("full"), "c", "1", "7").Code == 0;
        using var repository = Repositories.New(folder);
        var snapshot = await Task.Run(() => repository.BackUpFiles(tree)).WaitAsync(TimeSpan.FromMinutes(1));

        Assert.Equal(0, snapshot.MissingCount);
        var kinds = new SnapshotItems(repository).List(snapshot, []).ToDictionary(i => i.Path, i => i.Kind);
        Assert.Equal(SnapshotItemKind.Pipe, kinds["pipe"]);
        Assert.Equal(SnapshotItemKind.Pipe, kinds["looks.db"]);
        Assert.Equal(SnapshotItemKind.Socket, kinds["socket"]);
        if (hasDevice)
        {
            Assert.Equal(SnapshotItemKind.Device, kinds["full"]);
            Assert.Equal((1, 7), (DeviceNumbers.Major(EntryOf(repository, snapshot, "full").DeviceNumber), DeviceNumbers.Minor(EntryOf(repository, snapshot, "full").DeviceNumber)));
        }

        repository.Restore(snapshot, folder["out"]);
        Assert.Equal(EntryKind.Fifo, TreeAccess.Current.Facts(folder["out/pipe"])!.Value.Kind);
    }

    [LinuxFact]
    public void Times_of_any_year_are_kept()
    {
        var tree = Tree("a");
        var times = new[] { "1901-12-14 01:02:03.000000001", "1969-12-31 23:59:59.999999999", "2262-04-12 00:00:00.5", "2400-02-29 12:00:00.123456789" };
        for (var i = 0; i < times.Length; i++)
        {
            File.WriteAllText(At($"t{i}"), "x");
            LinuxFiles.Run("touch", "-d", times[i] + " UTC", At($"t{i}"));
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree);
        for (var i = 0; i < times.Length; i++)
        {
            Assert.Equal(TreeAccess.Current.Facts(At($"t{i}"))!.Value.Modified, EntryOf(repository, snapshot, $"t{i}").Modified);
        }

        Assert.Equal(2400, new SnapshotItems(repository).List(snapshot, ["t3"]).Single().Modified!.Value.Year);
    }

    [Theory]
    [InlineData(0, 0)]
    [InlineData(-1, 999_999_999)]
    [InlineData(long.MaxValue, 999_999_999)]
    [InlineData(long.MinValue, 0)]
    [InlineData(9_223_372_036, 854_775_807)]
    [InlineData(-9_223_372_037, 145_224_193)]
    public void An_entry_with_all_that_there_is_reads_as_it_was_written(long seconds, int nanoseconds)
    {
        var entry = new FileEntry
        {
            Path = "caf\udce9",
            Kind = EntryKind.BlockDevice,
            Mode = 0x1a4,
            Modified = new FileTime(seconds, nanoseconds),
            Changed = new FileTime(-seconds / 2, nanoseconds),
            Born = new FileTime(seconds, 1),
            DeviceNumber = DeviceNumbers.Of(259, 1_048_575),
            Content = ContentKind.SqliteDatabase,
            Via = "../else\udcff",
            Attributes = [new("user.\udcfe", [0, 1, 2])],
        };
        var writer = new Engine.Snapshots.Format.ByteWriter();
        entry.Write(writer);
        var read = Read(writer.Written.ToArray());
        Assert.Equal(entry.Attributes, read.Attributes);
        Assert.Equal(entry with { Attributes = [], Extents = [] }, read with { Attributes = [], Extents = [] });
    }

    [Fact]
    public void What_version_1_can_say_is_written_as_version_1_writes_it()
    {
        var writer = new Engine.Snapshots.Format.ByteWriter();
        new FileEntry { Path = "a", Kind = EntryKind.Folder, Mode = 0x1ed, Modified = FileTime.OfNanoseconds(-1) }.Write(writer);
        Assert.Equal("440161da07010101000000000000", Convert.ToHexStringLower(writer.Written));
    }

    [Theory]
    [InlineData((byte)'P')]
    [InlineData((byte)'x')]
    [InlineData((byte)0)]
    [InlineData((byte)0xff)]
    public void A_kind_that_there_is_not_is_no_entry(byte mark) =>
        Assert.Throws<InvalidDataException>(() => Read([mark, 1, (byte)'a', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));

    [Fact]
    public void A_manifest_of_a_later_format_costs_itself_alone()
    {
        using var repository = Repositories.New(folder);
        var good = repository.BackUpFiles(Tree("a"));
        repository.Commit(repository.ReadManifest(good.Id) with { Format = 3, Nonce = "later" });
        using var again = Repository.Open(folder["repository"]);
        var sink = new WarningSink();
        Assert.Equal([good.Id], new SnapshotCatalog(again).List(sink: sink).Select(s => s.Id));
        Assert.Contains(sink.Messages, m => m.Contains("version 3 of the format", StringComparison.Ordinal));
    }

    private static FileEntry Read(byte[] bytes)
    {
        var reader = new Engine.Snapshots.Format.ByteReader(bytes);
        return FileEntry.Read(ref reader);
    }

    private static FileEntry EntryOf(Repository repository, Snapshot snapshot, string path) =>
        Listing.Entries(Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), default)).Single(e => e.Path == path);

    private string Tree(params string[] files)
    {
        Directory.CreateDirectory(folder["tree"]);
        Array.ForEach(files, f => File.WriteAllText(At(f), f));
        return folder["tree"];
    }

    private string At(string name) => Path.Combine(folder["tree"], name);
}
