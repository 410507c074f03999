using System.Text.Unicode;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Files;

/// <summary>Whatever a file is called, it can be listed, chosen, compared and exported.</summary>
public sealed class NameTests : IDisposable
{
    /// <summary>As bytes in octal where printf(1) needs them.</summary>
    private static readonly string[] OddNames =
    [
        @"back\\slash", @"\\x41", @"\\\\x41\\xff", @"caf\351", @"\377\376", @"a\nb", @"tab\there", @"\033[2J", @" lead", @"trail ", @" ", @"  ", @"-rf", "--", @"#hash", @"!neg", @"\\!neg", @"[1].txt",
        @"*star", @"que?tion", @"[unclosed", @"q\042\047`$x", @"%%41", @"~", @"\303\251", @"e\314\201", @"\342\200\256exe", @"\360\237\230\200", @"\302\205", @"{a,b}", @"a b", @"\357\273\277bom", @"\355\240\200",
    ];

    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    [LinuxFact]
    public void Every_name_is_chosen_by_what_the_list_shows_and_as_it_is_and_alone()
    {
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(Tree());
        var names = TreeAccess.Current.Names(folder["tree"]);
        var shown = new SnapshotItems(repository).List(snapshot, []).Select(i => i.Path).ToList();
        Assert.Equal(OddNames.Length, names.Count);
        Assert.Equal(OddNames.Length, shown.Distinct().Count());
        Assert.All(shown, s => Assert.True(Utf8.IsValid(PathCodec.Encode(s)) && !s.Any(char.IsControl), PathCodec.Display(s)));
        foreach (var name in names)
        {
            foreach (var given in new[] { name, PathCodec.Display(name) }.Distinct())
            {
                var chosen = Selection.Of(Entries(repository, snapshot), [given]).Entries.Where(e => e.Kind == EntryKind.File).Select(e => e.Path);
                Assert.Equal([name], chosen);
                Assert.Equal([PathCodec.Display(name)], new SnapshotItems(repository).List(snapshot, [given]).Select(i => i.Path));
            }

            Assert.Equal([name], Selection.Of(Entries(repository, snapshot), [], [PathCodec.Display(name)]).Entries.Where(e => e.Kind == EntryKind.File).Select(e => e.Path));
        }
    }

    [LinuxFact]
    public void Patterns_with_escaped_bytes_fit_names_of_those_bytes()
    {
        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(Tree());
        Assert.Equal([@"caf\xe9"], Listed(@"c?f\xe9"));
        Assert.Equal(["\u00e9"], Listed(@"\xc3\xa9"));
        Assert.Equal(["*star"], Listed(@"\x2a*r"));
        Assert.Equal([@"\xed\xa0\x80", @"\xff\xfe"], Listed("[!a-zA-Z0-9]*").Where(p => p.StartsWith(@"\xed", StringComparison.Ordinal) || p.StartsWith(@"\xff", StringComparison.Ordinal)).Order(StringComparer.Ordinal));

        List<string> Listed(string pattern) => [.. new SnapshotItems(repository).List(snapshot, [pattern]).Select(i => i.Path)];
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void No_two_names_are_shown_alike(int seed)
    {
        var random = new Random(seed);
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        for (var i = 0; i < 200_000; i++)
        {
            var bytes = Enumerable.Range(0, random.Next(1, 7)).Select(_ => "\\x4f \xe9\u0001"u8[random.Next(8)]).ToArray();
            var name = PathCodec.Decode(bytes);
            Assert.Equal(bytes, PathCodec.Encode(name));
            Assert.Equal(name, seen.GetValueOrDefault(PathCodec.Display(name), name));
            seen[PathCodec.Display(name)] = name;
        }
    }

    [LinuxFact]
    public void An_archive_brings_every_name_and_all_that_is_kept_of_a_file()
    {
        var tree = Tree();
        var deep = string.Concat(Enumerable.Repeat("d\u00e9p/", 80));
        LinuxFiles.Run("sh", "-c", $"cd '{tree}' && mkdir -p '{deep}' && mkdir \"$(printf 'sub\\351')\" && echo x > '{deep}/file' && ln -s '{deep}/file' link && ln './caf'* \"$(printf 'sub\\351')/other\" && mkfifo pipe && chmod 4711 './ lead' && echo y > \"$(printf 'sub\\351')/$(printf '%0230d' 7)$(printf '\\377')\"");
        LinuxFiles.Run("touch", "-h", "-d", "1969-12-31 23:59:58.25 UTC", Path.Combine(tree, "link"));
        LinuxFiles.Run("touch", "-d", "2300-01-01 00:00:00 UTC", Path.Combine(tree, "~"));
        LinuxFiles.Run("touch", "-d", "1960-02-03 04:05:06.789 UTC", Path.Combine(tree, "-rf"));
        LinuxFiles.Set(Path.Combine(tree, "--"), null, new ExtendedAttribute("user.note", [0, 10, 255]));
        using (var sparse = File.Create(Path.Combine(tree, "sparse")))
        {
            sparse.SetLength(40_000_000);
            sparse.Position = 20_000_000;
            sparse.Write("middle"u8);
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(tree);
        new SnapshotExport(repository, SilentSink.Instance).Run(snapshot, folder["out.tar.gz"]);
        Assert.InRange(new FileInfo(folder["out.tar.gz"]).Length, 1, 200_000);
        Directory.CreateDirectory(folder["out"]);
        LinuxFiles.Run("tar", "--xattrs", "--xattrs-include=user.*", "-xzpf", folder["out.tar.gz"], "-C", folder["out"]);

        // The top folder is not in an archive.
        Assert.Equal(TreeImage.Of(tree).Split('\n')[1..], TreeImage.Of(folder["out"]).Split('\n')[1..]);
        Assert.Equal([new ExtendedAttribute("user.note", [0, 10, 255])], TreeAccess.Current.Attributes(folder["out/--"], (_, _) => { }));
        Assert.InRange(TreeAccess.Current.Facts(folder["out/sparse"])!.Value.Blocks, 0, 1000);
    }

    [LinuxFact]
    public void A_selection_says_what_its_content_takes_on_a_disk()
    {
        Directory.CreateDirectory(folder["tree"]);
        using (var file = File.Create(folder["tree/lastlog"]))
        {
            file.SetLength(1L << 40);
            file.Position = 1L << 39;
            file.Write("x"u8);
        }

        using var repository = Repositories.New(folder);
        var snapshot = repository.BackUpFiles(folder["tree"]);
        var selection = Selection.Of(Entries(repository, snapshot), []);
        Assert.Equal(1L << 40, selection.Size);
        Assert.InRange(selection.DataSize, 1, 1 << 20);
    }

    private static IEnumerable<FileEntry> Entries(Repository repository, Snapshot snapshot) =>
        Listing.Entries(Listing.Read(repository, snapshot.Id, repository.ReadManifest(snapshot.Id), default));

    private string Tree()
    {
        Directory.CreateDirectory(folder["tree"]);
        foreach (var name in OddNames)
        {
            LinuxFiles.Write(folder["tree"], name, name);
        }

        return folder["tree"];
    }
}
