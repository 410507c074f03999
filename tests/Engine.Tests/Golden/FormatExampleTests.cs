using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>The worked example of docs/repository-format.md, read out of the page itself.</summary>
public sealed class FormatExampleTests
{
    private static readonly string Page = File.ReadAllText(GoldenData.FormatPage);

    [Fact]
    public void The_map_of_the_example_opens()
    {
        const string Id = "8875c8b7218a6ab4aa966727755fc46975876e64ceb3b41cf1ab6095a8bd2336";
        Assert.Contains(Id, Page, StringComparison.Ordinal);

        var content = SealedObject.Open(MasterKey.Public, ObjectKind.Map, Id, Example("map"));

        Assert.Equal([2, 0], content);
        Assert.Equal(Id, MasterKey.Public.NameOf(content));
        Assert.Empty(Listing.ReadMap(content));
    }

    [Fact]
    public void The_pack_of_the_example_opens()
    {
        const string Id = "7687990d04449df60897c4c28751113e58902fcdd872d1c1ab036a26fd4944e1";
        const string Block = "ae42abfb2886fed64ec899265791b46542f3d9dc";
        Assert.Contains(Id, Page, StringComparison.Ordinal);
        Assert.Contains(Block, Page, StringComparison.Ordinal);
        using var folder = new TestFolder();
        using var repository = Repository.Create(folder["r"], null);
        repository.Store.Create(Pack.ObjectName(Id), Example("pack"));

        var read = "";
        new BlockReader(repository).Read([0], (int _, in BlockDigest _, ReadOnlySpan<byte> block) => read = System.Text.Encoding.ASCII.GetString(block), default);

        Assert.Equal("hello, page\n", read);
        Assert.Equal(Block, repository.Index.IdOf(0).ToString());
    }

    private static byte[] Example(string name)
    {
        var begin = Page.IndexOf($"```hex {name}\n", StringComparison.Ordinal);
        var lines = Page[begin..].Split('\n').Skip(1).TakeWhile(l => l != "```");
        return [.. lines.SelectMany(l => l[6..Math.Min(l.Length, 53)].Split(' ', StringSplitOptions.RemoveEmptyEntries)).Select(b => Convert.ToByte(b, 16))];
    }
}
