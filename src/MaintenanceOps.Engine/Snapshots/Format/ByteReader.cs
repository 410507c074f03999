using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>Reads what <see cref="ByteWriter"/> wrote. Every length is checked before it is believed.</summary>
internal ref struct ByteReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> rest = bytes;

    public readonly bool AtEnd => rest.IsEmpty;

    public readonly int Remaining => rest.Length;

    public byte Byte() => Take(1)[0];

    public uint UInt32() => BinaryPrimitives.ReadUInt32LittleEndian(Take(4));

    public ulong VarInt()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Byte();
            value |= (ulong)(next & 0x7f) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A number is longer than 64 bits.");
    }

    /// <summary>A number that counts things of at least <paramref name="unit"/> bytes which follow in this object.</summary>
    public int Count(int unit)
    {
        var count = VarInt();
        return count <= (ulong)(rest.Length / Math.Max(1, unit))
            ? (int)count
            : throw new InvalidDataException($"A count of {count} does not fit into the {rest.Length} bytes that are left.");
    }

    public int Int32() => checked((int)VarInt());

    public long Int64() => checked((long)VarInt());

    public long Signed()
    {
        var folded = VarInt();
        return (long)(folded >> 1) ^ -(long)(folded & 1);
    }

    public BlockId Id() => BlockId.Read(Take(BlockId.Size));

    public BlockId[] Ids(int count)
    {
        var bytes = Take(checked(count * BlockId.Size));
        return MemoryMarshal.Cast<byte, BlockId>(bytes).ToArray();
    }

    public ReadOnlySpan<byte> Block() => Take(Count(1));

    public string Text() => Encoding.UTF8.GetString(Block());

    public ReadOnlySpan<byte> Take(int count)
    {
        if ((uint)count > (uint)rest.Length)
        {
            throw new InvalidDataException($"{count} bytes are wanted and {rest.Length} are left.");
        }

        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}
