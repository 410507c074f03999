using System.Buffers.Binary;
using System.Text;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Tests.Support;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>A log that was archived once comes back for ever: with today's engine, and without it.</summary>
public sealed class GoldenLog : IDisposable
{
    /// <summary>The cluster's number: greater than a signed number can be, as real ones may get.</summary>
    internal const ulong System = 17_446_744_073_709_551_615;

    private const int SegmentSize = 1 << 20;
    private readonly TestFolder folder = new();

    public void Dispose() => folder.Dispose();

    /// <summary>What was archived, made anew: two segments, one with nothing but its header, and a timeline's history.</summary>
    internal static IEnumerable<(string Name, byte[] Content)> Files() =>
    [
        ("000000010000000000000001", Segment(random: 30_000)),
        ("000000010000000000000002", Segment(random: 0)),
        ("00000002.history", Encoding.UTF8.GetBytes("1\t0/2000060\tno recovery target specified\n")),
    ];

    [Fact]
    public void Todays_engine_fetches_it()
    {
        using var repository = Repository.Open(GoldenData.Copy(GoldenData.EncryptedLog, folder.Path), GoldenData.PassphraseOf(GoldenData.EncryptedLog));
        Directory.CreateDirectory(folder["log"]);
        foreach (var (name, content) in Files())
        {
            Assert.True(new WalArchive(repository).Fetch(name, folder[$"log/{name}"], System));
            Assert.Equal(content, File.ReadAllBytes(folder[$"log/{name}"]));
        }

        Assert.Empty(Assert.Single(new WalArchiveCheck(repository, SilentSink.Instance).Run(VerificationLevel.Full)).Findings);
    }

    [Fact]
    public void Rescue_brings_it_back_without_the_engine()
    {
        var (code, output) = Rescue.Run(GoldenData.PassphraseText(GoldenData.EncryptedLog), GoldenData.FolderOf(GoldenData.EncryptedLog), "wal", $"{System}", folder["log"]);

        Assert.True(code == 0, output);
        Assert.All(Files(), f => Assert.Equal(f.Content, File.ReadAllBytes(folder[$"log/{f.Name}"])));
        Assert.Equal(Files().Count(), Directory.GetFiles(folder["log"]).Length);
    }

    /// <summary>A segment as far as the archive looks: the long header of its first page, then what random bytes were asked for.</summary>
    private static byte[] Segment(int random)
    {
        var segment = new byte[SegmentSize];
        segment[0] = 0x10;
        segment[1] = 0xd1;
        segment[2] = 2;
        BinaryPrimitives.WriteUInt64LittleEndian(segment.AsSpan(24), System);
        BinaryPrimitives.WriteUInt32LittleEndian(segment.AsSpan(32), SegmentSize);
        new Random(7).NextBytes(segment.AsSpan(40, random));
        return segment;
    }
}
