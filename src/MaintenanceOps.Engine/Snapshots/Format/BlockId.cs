using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>The full hash of a block: SHA-256 over its bytes.</summary>
[InlineArray(Size)]
internal struct BlockDigest
{
    public const int Size = 32;
    private byte first;

    public static BlockDigest Of(ReadOnlySpan<byte> block)
    {
        BlockDigest digest = default;
        SHA256.HashData(block, digest);
        return digest;
    }
}

/// <summary>
/// The name of a block: the first 160 bits of its digest. Short, because a map and a footer each hold one per page of
/// 4 KiB. The content hash of a database is made of whole digests, so there a collision cannot pass a check unseen; files
/// rest on these 160 bits, against which a collision costs about 2^80 hashes.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 4)]
internal readonly struct BlockId : IEquatable<BlockId>
{
    public const int Size = 20;

    // The bytes as they are, in machine words: only ever compared, never reckoned with.
    private readonly ulong high;
    private readonly ulong middle;
    private readonly uint low;

    public static BlockId Of(in BlockDigest digest) => Read(digest);

    public static BlockId Read(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<BlockId>(bytes);

    public void Write(Span<byte> bytes) => MemoryMarshal.Write(bytes, this);

    public bool Equals(BlockId other) => high == other.high && middle == other.middle && low == other.low;

    public override bool Equals(object? obj) => obj is BlockId other && Equals(other);

    /// <summary>The id is a hash already; any part of it is evenly spread.</summary>
    public override int GetHashCode() => (int)high;

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }
}
