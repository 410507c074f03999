namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Cuts content where the content itself says so, so that an insertion moves only the chunks around it. Gear hash with
/// two masks around the wanted size, after FastCDC (Xia et al., USENIX ATC 2016).
/// </summary>
internal sealed class ContentChunker(int min, int average, int max)
{
    /// <summary>For the content of files.</summary>
    public static ContentChunker Files { get; } = new(32 * 1024, 128 * 1024, 256 * 1024);

    /// <summary>For listings, where a small change should cost little.</summary>
    public static ContentChunker Listings { get; } = new(4 * 1024, 16 * 1024, 64 * 1024);

    private static readonly ulong[] Gear = MakeGear();

    /// <summary>Before the wanted size a cut is four times as rare, after it four times as frequent.</summary>
    private readonly ulong rare = Mask(average * 4);
    private readonly ulong frequent = Mask(average / 4);

    public int Max => max;

    /// <summary>The length of the next chunk. Fewer than <see cref="Max"/> bytes mean that the content ends there.</summary>
    public int Cut(ReadOnlySpan<byte> content)
    {
        if (content.Length <= min)
        {
            return content.Length;
        }

        var end = Math.Min(content.Length, max);
        var middle = Math.Min(end, average);
        ulong hash = 0;
        var i = min;
        for (; i < middle; i++)
        {
            hash = (hash << 1) + Gear[content[i]];
            if ((hash & rare) == 0)
            {
                return i + 1;
            }
        }

        for (; i < end; i++)
        {
            hash = (hash << 1) + Gear[content[i]];
            if ((hash & frequent) == 0)
            {
                return i + 1;
            }
        }

        return end;
    }

    /// <summary>As many of the top bits as make a cut once in so many bytes: the top ones depend on the most bytes.</summary>
    private static ulong Mask(int every) => ulong.MaxValue << (64 - System.Numerics.BitOperations.Log2((uint)every));

    /// <summary>256 fixed random numbers (SplitMix64 from zero); part of no format: another table only cuts elsewhere.</summary>
    private static ulong[] MakeGear()
    {
        var table = new ulong[256];
        ulong state = 0;
        for (var i = 0; i < table.Length; i++)
        {
            state += 0x9e3779b97f4a7c15;
            var z = state;
            z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
            z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
            table[i] = z ^ (z >> 31);
        }

        return table;
    }
}
