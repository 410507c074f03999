using System.Buffers.Binary;
using System.Runtime.CompilerServices;
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
internal readonly struct BlockId(ulong high, ulong middle, uint low) : IEquatable<BlockId>
{
    public const int Size = 20;

    public static BlockId Of(in BlockDigest digest) => Read(digest);

    public static BlockId Read(ReadOnlySpan<byte> bytes) => new(
        BinaryPrimitives.ReadUInt64LittleEndian(bytes),
        BinaryPrimitives.ReadUInt64LittleEndian(bytes[8..]),
        BinaryPrimitives.ReadUInt32LittleEndian(bytes[16..]));

    public void Write(Span<byte> bytes)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, high);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[8..], middle);
        BinaryPrimitives.WriteUInt32LittleEndian(bytes[16..], low);
    }

    public bool Equals(BlockId other) => High == other.High && Middle == other.Middle && Low == other.Low;

    public override bool Equals(object? obj) => obj is BlockId other && Equals(other);

    /// <summary>The id is a hash already; any part of it is evenly spread.</summary>
    public override int GetHashCode() => (int)High;

    public override string ToString()
    {
        Span<byte> bytes = stackalloc byte[Size];
        Write(bytes);
        return Convert.ToHexStringLower(bytes);
    }

    private ulong High => high;

    private ulong Middle => middle;

    private uint Low => low;
}
