using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>Collects frames into one pack in memory; sealing is so fast that it happens as a frame comes in.</summary>
internal sealed class PackBuilder : IDisposable
{
    private readonly byte[] header;
    private readonly AesGcm cipher;
    private readonly List<FrameEntry> frames = [];
    private readonly List<BlockId> ids = [];
    private readonly List<int> lengths = [];
    private readonly ByteWriter tags = new();
    private byte[] bytes = ArrayPool<byte>.Shared.Rent(16 * 1024 * 1024);
    private int length;

    public PackBuilder(MasterKey key, ObjectKind kind = ObjectKind.Pack)
    {
        header = ObjectHeader.Make(kind);
        cipher = key.CipherFor(header);
        header.CopyTo(bytes, 0);
        length = ObjectHeader.Size;
    }

    public bool IsFull => length >= Pack.TargetSize;

    public bool IsEmpty => frames.Count == 0;

    public int Length => length;

    public void Add(CompressionKind compression, ReadOnlySpan<byte> packed, int rawLength, ReadOnlySpan<BlockId> blockIds, ReadOnlySpan<int> blockLengths)
    {
        var stored = packed.Length + Pack.TagSize;
        Reserve(stored);
        Seal(packed, bytes.AsSpan(length, stored), (uint)frames.Count);
        tags.Bytes(bytes.AsSpan(length + packed.Length, Pack.TagSize));
        frames.Add(new FrameEntry(length, stored, rawLength, compression, ids.Count, blockIds.Length));
        ids.AddRange(blockIds);
        lengths.AddRange(blockLengths);
        length += stored;
    }

    /// <summary>Appends the footer. The pack's bytes are valid until the builder is disposed of.</summary>
    public (string Id, ReadOnlyMemory<byte> Bytes) Finish()
    {
        var footer = new ByteWriter();
        PackFooter.Write(footer, frames, ids, lengths, tags.Written);
        var stored = footer.Length + Pack.TagSize;
        Reserve(stored + Pack.TrailerSize);
        Seal(footer.Written, bytes.AsSpan(length, stored), Pack.FooterNumber);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(length + stored), (uint)stored);
        Pack.TrailerMark.CopyTo(bytes.AsSpan(length + stored + 4));
        var end = stored + Pack.TrailerSize;
        var id = Pack.IdOf(header, bytes.AsSpan(length, end));
        length += end;
        return (id, bytes.AsMemory(0, length));
    }

    public void Dispose()
    {
        cipher.Dispose();
        ArrayPool<byte>.Shared.Return(bytes);
        bytes = [];
    }

    private void Seal(ReadOnlySpan<byte> plain, Span<byte> into, uint number)
    {
        Span<byte> nonce = stackalloc byte[12];
        Span<byte> associated = stackalloc byte[Pack.AssociatedSize];
        Pack.Nonce(nonce, number);
        Pack.AssociatedData(associated, header, number);
        cipher.Encrypt(nonce, plain, into[..plain.Length], into[plain.Length..], associated);
    }

    private void Reserve(int count)
    {
        if (length + count <= bytes.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(Math.Max(bytes.Length * 2, length + count));
        bytes.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(bytes);
        bytes = larger;
    }
}
