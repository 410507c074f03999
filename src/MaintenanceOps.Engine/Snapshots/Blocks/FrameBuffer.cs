using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>The frame that one worker is filling: blocks side by side, compressed together when it is full.</summary>
internal sealed class FrameBuffer
{
    private readonly byte[] raw = GC.AllocateUninitializedArray<byte>(Pack.FrameSize);
    private readonly byte[] packed = GC.AllocateUninitializedArray<byte>(Compression.MaxLength(Pack.FrameSize) + 64);
    private readonly List<BlockId> ids = [];
    private readonly List<int> lengths = [];

    public int Length { get; private set; }

    public bool IsEmpty => ids.Count == 0;

    public ReadOnlySpan<BlockId> Ids => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(ids);

    public ReadOnlySpan<int> Lengths => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(lengths);

    public bool Fits(int length) => Length + length <= raw.Length;

    public void Add(BlockId id, ReadOnlySpan<byte> block)
    {
        block.CopyTo(raw.AsSpan(Length));
        Length += block.Length;
        ids.Add(id);
        lengths.Add(block.Length);
    }

    public CompressionKind Compress(out ReadOnlySpan<byte> result)
    {
        var kind = Compression.Compress(raw.AsSpan(0, Length), packed, out var written);
        result = packed.AsSpan(0, written);
        return kind;
    }

    public void Clear()
    {
        Length = 0;
        ids.Clear();
        lengths.Clear();
    }
}
