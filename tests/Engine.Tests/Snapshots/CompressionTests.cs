using MaintenanceOps.Engine.Snapshots.Format;
using Xunit;

namespace MaintenanceOps.Engine.Tests.Snapshots;

public sealed class CompressionTests
{
    public static TheoryData<int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (var length in (int[])[0, 1, 255, 256, 257, 16_384, 16_385, 70_001, 262_144])
            {
                foreach (var share in (int[])[0, 5, 50, 96, 100])
                {
                    data.Add(length, share);
                }
            }

            return data;
        }
    }

    /// <summary>Text with random pieces in it, in all proportions and at lengths around every limit.</summary>
    [Theory]
    [MemberData(nameof(Shapes))]
    public void What_is_packed_comes_back(int length, int randomShare)
    {
        var raw = Mixed(length, randomShare);
        var packed = new byte[Compression.MaxLength(length) + 64];
        var kind = Compression.Compress(raw, packed, out var written);
        var back = new byte[length];
        Compression.Decompress(kind, packed.AsSpan(0, written), back);
        Assert.Equal(raw, back);
        Assert.True(kind == CompressionKind.Stored ? written == length : written < length);
        if (length > 16_384 && randomShare == 50)
        {
            Assert.Equal(CompressionKind.Split, kind);
        }
    }

    [Fact]
    public void Damaged_content_is_refused_and_never_read_past_its_end()
    {
        var raw = Mixed(100_000, 50);
        var packed = new byte[Compression.MaxLength(raw.Length)];
        var kind = Compression.Compress(raw, packed, out var written);
        var back = new byte[raw.Length];
        var random = new Random(4);
        for (var i = 0; i < 300; i++)
        {
            var damaged = packed.AsSpan(0, random.Next(written)).ToArray();
            Assert.Throws<InvalidDataException>(() => Compression.Decompress(kind, damaged, back));
            damaged = packed.AsSpan(0, written).ToArray();
            damaged[random.Next(48)] ^= (byte)(1 << random.Next(8));
            Assert.Throws<InvalidDataException>(() => Compression.Decompress(kind, damaged, back));
        }
    }

    private static byte[] Mixed(int length, int randomShare)
    {
        var random = new Random(length + randomShare);
        var raw = new byte[length];
        for (var at = 0; at < length; at += 1000)
        {
            var piece = raw.AsSpan(at, Math.Min(1000, length - at));
            if (random.Next(100) < randomShare)
            {
                random.NextBytes(piece);
            }
            else
            {
                for (var i = 0; i < piece.Length; i++)
                {
                    piece[i] = (byte)"the quick brown fox "[(i + at) % 20];
                }
            }
        }

        return raw;
    }
}
