using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>
/// Some neighbouring blocks on their way from a source to the packs: the bytes, and where each block ends. When a worker
/// is done with it, the digests are there and <see cref="Done"/> is called.
/// </summary>
internal sealed class Batch
{
    public const int Capacity = Pack.FrameSize;

    private int[] ends = new int[64];

    public byte[] Buffer { get; } = GC.AllocateUninitializedArray<byte>(Capacity);

    /// <summary>How many bytes of the buffer are in use.</summary>
    public int Length { get; private set; }

    public int Count { get; private set; }

    public BlockDigest[] Digests { get; private set; } = new BlockDigest[64];

    /// <summary>Called by the worker that finished the batch.</summary>
    public Action<Batch>? Done { get; set; }

    /// <summary>Room for more bytes.</summary>
    public Span<byte> Free => Buffer.AsSpan(Length);

    /// <summary>Declares the next <paramref name="length"/> bytes of <see cref="Free"/> to be a block.</summary>
    public void Add(int length)
    {
        if (Count == ends.Length)
        {
            Array.Resize(ref ends, ends.Length * 2);
            Digests = new BlockDigest[ends.Length];
        }

        Length += length;
        ends[Count++] = Length;
    }

    public ReadOnlySpan<byte> Block(int index)
    {
        var start = index == 0 ? 0 : ends[index - 1];
        return Buffer.AsSpan(start, ends[index] - start);
    }

    public void Clear()
    {
        Length = 0;
        Count = 0;
        Done = null;
    }
}
