using System.Buffers;
using System.Buffers.Binary;
using System.Text;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>Writes the few shapes that the repository's binary objects are made of.</summary>
internal sealed class ByteWriter
{
    private readonly ArrayBufferWriter<byte> buffer = new();

    public int Length => buffer.WrittenCount;

    public ReadOnlySpan<byte> Written => buffer.WrittenSpan;

    public void Byte(byte value)
    {
        buffer.GetSpan(1)[0] = value;
        buffer.Advance(1);
    }

    public void UInt32(uint value)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(buffer.GetSpan(4), value);
        buffer.Advance(4);
    }

    /// <summary>An unsigned number in groups of seven bits, least first, the top bit set on all but the last (LEB128).</summary>
    public void VarInt(ulong value)
    {
        while (value >= 0x80)
        {
            Byte((byte)(value | 0x80));
            value >>= 7;
        }

        Byte((byte)value);
    }

    public void VarInt(long value) => VarInt(checked((ulong)value));

    /// <summary>A signed number, folded so that small ones of either sign are short (zigzag).</summary>
    public void Signed(long value) => VarInt((ulong)((value << 1) ^ (value >> 63)));

    public void Bytes(ReadOnlySpan<byte> bytes) => buffer.Write(bytes);

    public void Id(BlockId id)
    {
        id.Write(buffer.GetSpan(BlockId.Size));
        buffer.Advance(BlockId.Size);
    }

    /// <summary>Bytes with their number in front.</summary>
    public void Block(ReadOnlySpan<byte> bytes)
    {
        VarInt(bytes.Length);
        Bytes(bytes);
    }

    public void Text(string text) => Block(Encoding.UTF8.GetBytes(text));

    public void Clear() => buffer.ResetWrittenCount();
}
