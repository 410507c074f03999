using System.Numerics;
using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Proves that everybody who read a block of a state got the same bytes: whoever reads it first leaves a fingerprint, and
/// every later reader compares. The blocks that were checked are then the blocks that were stored.
/// </summary>
/// <param name="size">The size of the state in bytes.</param>
/// <param name="unit">The size of a block in bytes; a multiple of eight.</param>
internal sealed class PageWitness(long size, int unit)
{
    private const ulong First = 0x9E3779B185EBCA87;
    private const ulong Second = 0xC2B2AE3D27D4EB4F;

    /// <summary>Another one in each run, so that nobody can make two blocks of one fingerprint.</summary>
    private readonly ulong seed = (ulong)Random.Shared.NextInt64() | 1;

    /// <summary>Zero where nobody has read the block yet.</summary>
    private readonly ulong[] fingerprints = new ulong[checked((int)((size + unit - 1) / unit))];

    private long torn = -1;

    public int Unit => unit;

    /// <summary>The offset of a block that was read twice with different bytes; -1 where there is none.</summary>
    public long Torn => Interlocked.Read(ref torn);

    /// <summary>Remembers or compares whole blocks that lie side by side; several threads may.</summary>
    /// <returns>False where one of them was read before with other bytes.</returns>
    public bool Attest(long offset, ReadOnlySpan<byte> bytes)
    {
        for (; !bytes.IsEmpty; offset += unit)
        {
            var block = bytes[..Math.Min(unit, bytes.Length)];
            bytes = bytes[block.Length..];
            var fingerprint = Fingerprint(block);
            var before = Interlocked.CompareExchange(ref fingerprints[offset / unit], fingerprint, 0);
            if (before != 0 && before != fingerprint)
            {
                Interlocked.CompareExchange(ref torn, offset, -1);
                return false;
            }
        }

        return true;
    }

    /// <summary>Sixty-four bits in four independent lanes: ten times as fast as a hash for the packs.</summary>
    private ulong Fingerprint(ReadOnlySpan<byte> block)
    {
        ulong a = seed, b = seed ^ First, c = seed ^ Second, d = ~seed;
        var words = MemoryMarshal.Cast<byte, ulong>(block);
        for (; words.Length >= 4; words = words[4..])
        {
            a = Mix(a, words[0]);
            b = Mix(b, words[1]);
            c = Mix(c, words[2]);
            d = Mix(d, words[3]);
        }

        foreach (var word in words)
        {
            a = Mix(a, word);
        }

        var all = Mix(Mix(Mix(Mix(seed, a), b), c), d);
        all = (all ^ (all >> 29)) * First;
        return (all ^ (all >> 32)) | 1;
    }

    private static ulong Mix(ulong lane, ulong word) => BitOperations.RotateLeft(lane + (word * Second), 31) * First;
}
