using System.Numerics;
using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Files;

/// <summary>CRC-32C (Castagnoli) over bytes that come in parts; one instruction for eight bytes where the processor has it.</summary>
internal sealed class Crc32C
{
    private uint state = uint.MaxValue;

    /// <summary>The sum of all bytes so far.</summary>
    public uint Value => ~state;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        var crc = state;
        foreach (var word in words)
        {
            crc = BitOperations.Crc32C(crc, word);
        }

        foreach (var value in bytes[(words.Length * sizeof(ulong))..])
        {
            crc = BitOperations.Crc32C(crc, value);
        }

        state = crc;
    }
}
