namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>
/// Which block stands at which place of a database: the ids in page order. A map is stored whole, or as the places that
/// differ from a base map that is stored whole; never as a difference to a difference, so that no more than one other
/// object is needed to read it.
/// </summary>
internal sealed class PageMap(int blockSize, long size, BlockId[] blocks)
{
    private const byte Whole = 0;
    private const byte Difference = 1;

    /// <summary>
    /// A difference is written while it is under an eighth of the whole map: past about a seventh, a new base costs less
    /// than differences that go on growing.
    /// </summary>
    private const int DifferenceShare = 8;

    /// <summary>The size of a block in bytes; the last one may be shorter.</summary>
    public int BlockSize { get; } = blockSize;

    /// <summary>The size of the content in bytes.</summary>
    public long Size { get; } = size;

    public BlockId[] Blocks { get; } = blocks;

    public static string ObjectName(string id) => $"maps/{id}";

    public int LengthOf(int block) => (int)Math.Min(BlockSize, Size - ((long)block * BlockSize));

    /// <summary>The map's own bytes: as a difference to the base where there is one and that is small enough.</summary>
    public byte[] Write(string? baseName, PageMap? baseMap)
    {
        var writer = new ByteWriter();
        var changed = baseMap is null || baseName is null || baseMap.BlockSize != BlockSize ? null : ChangedSince(baseMap);
        writer.Byte(changed is null ? Whole : Difference);
        writer.VarInt(BlockSize);
        writer.VarInt(Size);
        writer.VarInt(Blocks.Length);
        if (changed is null)
        {
            foreach (var id in Blocks)
            {
                writer.Id(id);
            }

            return writer.Written.ToArray();
        }

        writer.Text(baseName!);
        writer.VarInt(changed.Count);
        var previous = -1;
        foreach (var index in changed)
        {
            writer.VarInt(index - previous - 1);
            previous = index;
        }

        foreach (var index in changed)
        {
            writer.Id(Blocks[index]);
        }

        return writer.Written.ToArray();
    }

    /// <summary>The name of the base map that these bytes need; null where they are a whole map.</summary>
    public static string? BaseOf(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != Difference)
        {
            return null;
        }

        _ = reader.Int32();
        _ = reader.Int64();
        _ = reader.Int32();
        return reader.Text();
    }

    /// <exception cref="InvalidDataException">The bytes are no map, or need another base.</exception>
    public static PageMap Read(ReadOnlySpan<byte> bytes, PageMap? baseMap)
    {
        var reader = new ByteReader(bytes);
        var kind = reader.Byte();
        var blockSize = reader.Int32();
        var size = reader.Int64();
        var count = reader.Int32();
        if (blockSize <= 0 || count != (size + blockSize - 1) / blockSize)
        {
            throw new InvalidDataException("The map's size and number of blocks disagree.");
        }

        if (kind == Whole)
        {
            return count <= reader.Remaining / BlockId.Size
                ? new PageMap(blockSize, size, reader.Ids(count))
                : throw new InvalidDataException("The map is cut short.");
        }

        if (kind != Difference || baseMap is null || baseMap.BlockSize != blockSize)
        {
            throw new InvalidDataException("The map needs a base that was not given.");
        }

        _ = reader.Text();
        var indexes = new int[reader.Count(1)];
        var index = -1;
        for (var i = 0; i < indexes.Length; i++)
        {
            index = checked(index + 1 + reader.Int32());
            indexes[i] = index < count ? index : throw new InvalidDataException("The map names a block past its end.");
        }

        if (count > baseMap.Blocks.Length + (long)indexes.Length)
        {
            throw new InvalidDataException("The map is longer than its base and what it adds.");
        }

        var blocks = new BlockId[count];
        baseMap.Blocks.AsSpan(0, Math.Min(count, baseMap.Blocks.Length)).CopyTo(blocks);
        foreach (var changed in indexes)
        {
            blocks[changed] = reader.Id();
        }

        return new PageMap(blockSize, size, blocks);
    }

    /// <summary>The places that differ; null where they are too many to be worth a difference.</summary>
    private List<int>? ChangedSince(PageMap other)
    {
        var changed = new List<int>();
        var limit = Blocks.Length / DifferenceShare;
        for (var i = 0; i < Blocks.Length; i++)
        {
            if (i >= other.Blocks.Length || !Blocks[i].Equals(other.Blocks[i]))
            {
                changed.Add(i);
                if (changed.Count > limit)
                {
                    return null;
                }
            }
        }

        return changed;
    }
}
