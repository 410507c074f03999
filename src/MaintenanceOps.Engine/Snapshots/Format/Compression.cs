using System.Buffers;
using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>How bytes are packed before they are sealed.</summary>
internal enum CompressionKind : byte
{
    /// <summary>As they are.</summary>
    Stored = 0,

    /// <summary>All of them as one Brotli stream.</summary>
    Brotli = 1,

    /// <summary>
    /// Cut into segments of 256 bytes, of which the ones that look random are stored and the others compressed: a bitmap
    /// with one bit a segment (the least of the first byte is the first; set means stored), the stored segments, then
    /// the others as one Brotli stream.
    /// </summary>
    Split = 2,
}

/// <summary>
/// Brotli in one call, kept away from what does not shrink. Embeddings, pictures and ciphertext fill half of many
/// databases, row by row beside text; compressing them saves a few per cent and costs most of the time, above all when
/// they are read back.
/// </summary>
internal static class Compression
{
    /// <summary>Quality 1: 190 MB/s a core at 2.2:1 on database pages; quality 2 costs half as much again for 1 %.</summary>
    private const int Quality = 1;
    private const int Window = 22;
    private const int SegmentSize = 256;

    /// <summary>
    /// Of 128 random bytes 101 are expected to differ, of as many bytes of 32-bit floats about 84, of Base64 at most 64;
    /// text, tables and machine code stay well below.
    /// </summary>
    private const int RandomFrom = 74;

    /// <summary>Each so manieth segment is looked at first; odd, because what fills pages repeats at even distances.</summary>
    private const int Stride = 5;

    /// <summary>Below this length splitting saves nothing worth having.</summary>
    private const int SplitFrom = 16 * 1024;

    /// <summary>Room that <see cref="Compress"/> needs for so many bytes.</summary>
    public static int MaxLength(int length) => BrotliEncoder.GetMaxCompressedLength(length) + BitmapLength(length);

    /// <summary>Compresses into the buffer. Returns <see cref="CompressionKind.Stored"/> where it would save less than 3 %.</summary>
    public static CompressionKind Compress(ReadOnlySpan<byte> raw, Span<byte> into, out int written)
    {
        var kind = TryCompress(raw, into, out written);
        if (kind != CompressionKind.Stored && written < raw.Length - (raw.Length / 32))
        {
            return kind;
        }

        raw.CopyTo(into);
        written = raw.Length;
        return CompressionKind.Stored;
    }

    /// <summary>Restores exactly <paramref name="raw"/>'s length of bytes, or throws.</summary>
    public static void Decompress(CompressionKind kind, ReadOnlySpan<byte> packed, Span<byte> raw)
    {
        switch (kind)
        {
            case CompressionKind.Stored when packed.Length == raw.Length:
                packed.CopyTo(raw);
                return;
            case CompressionKind.Brotli when TryExpand(packed, raw):
                return;
            case CompressionKind.Split when TryJoin(packed, raw):
                return;
            default:
                throw new InvalidDataException("The compressed content is not what its description says.");
        }
    }

    private static CompressionKind TryCompress(ReadOnlySpan<byte> raw, Span<byte> into, out int written)
    {
        if (raw.Length >= SplitFrom)
        {
            var bitmap = into[..BitmapLength(raw.Length)];
            var random = MarkRandom(raw, bitmap);
            var segments = SegmentCount(raw.Length);
            if (random > segments - (segments / 32))
            {
                written = 0;
                return CompressionKind.Stored;
            }

            if (random > segments / 16)
            {
                return TrySplit(raw, into, bitmap, out written) ? CompressionKind.Split : CompressionKind.Stored;
            }
        }

        return BrotliEncoder.TryCompress(raw, into, out written, Quality, Window) ? CompressionKind.Brotli : CompressionKind.Stored;
    }

    /// <summary>
    /// Sets the bits of the segments that look random; returns how many. Most content has none: where none of each fifth
    /// segment looks so, the others are not looked at.
    /// </summary>
    private static int MarkRandom(ReadOnlySpan<byte> raw, Span<byte> bitmap)
    {
        bitmap.Clear();
        return MarkRandom(raw, bitmap, Stride) == 0 ? 0 : MarkRandom(raw, bitmap, 1);
    }

    private static int MarkRandom(ReadOnlySpan<byte> raw, Span<byte> bitmap, int stride)
    {
        var count = 0;
        Span<byte> seen = stackalloc byte[256];
        byte turn = 0;
        for (var segment = 0; segment < raw.Length / SegmentSize; segment += stride)
        {
            if (++turn == 0)
            {
                seen.Clear();
                turn = 1;
            }

            if (CountDifferent(raw.Slice(segment * SegmentSize, SegmentSize), seen, turn) >= RandomFrom)
            {
                bitmap[segment / 8] |= (byte)(1 << (segment % 8));
                count++;
            }
        }

        return count;
    }

    /// <summary>
    /// How many different values there are among half of the segment's bytes. This looks at every byte that is backed up,
    /// so it must cost less than it saves: four bytes of each eight, at all positions that a number's bytes can have.
    /// </summary>
    /// <param name="segment">The bytes.</param>
    /// <param name="seen">For each value the turn in which it was last seen.</param>
    /// <param name="turn">This turn; not in <paramref name="seen"/> yet.</param>
    private static int CountDifferent(ReadOnlySpan<byte> segment, Span<byte> seen, byte turn)
    {
        var different = 0;
        ref var marks = ref MemoryMarshal.GetReference(seen);
        foreach (var word in MemoryMarshal.Cast<byte, ulong>(segment))
        {
            different += Mark(ref marks, (byte)word, turn)
                + Mark(ref marks, (byte)(word >> 16), turn)
                + Mark(ref marks, (byte)(word >> 40), turn)
                + Mark(ref marks, (byte)(word >> 56), turn);
        }

        return different;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static int Mark(ref byte marks, byte value, byte turn)
        {
            ref var mark = ref Unsafe.Add(ref marks, value);
            var isNew = mark != turn ? 1 : 0;
            mark = turn;
            return isNew;
        }
    }

    private static bool TrySplit(ReadOnlySpan<byte> raw, Span<byte> into, ReadOnlySpan<byte> bitmap, out int written)
    {
        var rest = ArrayPool<byte>.Shared.Rent(raw.Length);
        var (stored, others) = (bitmap.Length, 0);
        for (var segment = 0; segment < SegmentCount(raw.Length); segment++)
        {
            var bytes = Segment(raw, segment);
            if (IsSet(bitmap, segment))
            {
                bytes.CopyTo(into[stored..]);
                stored += bytes.Length;
            }
            else
            {
                bytes.CopyTo(rest.AsSpan(others));
                others += bytes.Length;
            }
        }

        var done = BrotliEncoder.TryCompress(rest.AsSpan(0, others), into[stored..], out var compressed, Quality, Window);
        ArrayPool<byte>.Shared.Return(rest);
        written = stored + compressed;
        return done;
    }

    private static bool TryJoin(ReadOnlySpan<byte> packed, Span<byte> raw)
    {
        var segments = SegmentCount(raw.Length);
        if (packed.Length < BitmapLength(raw.Length))
        {
            return false;
        }

        var bitmap = packed[..BitmapLength(raw.Length)];
        var storedLength = 0;
        for (var segment = 0; segment < segments; segment++)
        {
            storedLength += IsSet(bitmap, segment) ? Segment(raw, segment).Length : 0;
        }

        if (storedLength > packed.Length - bitmap.Length)
        {
            return false;
        }

        var stored = packed.Slice(bitmap.Length, storedLength);
        var rented = ArrayPool<byte>.Shared.Rent(raw.Length);
        ReadOnlySpan<byte> others = rented.AsSpan(0, raw.Length - storedLength);
        var whole = TryExpand(packed[(bitmap.Length + storedLength)..], rented.AsSpan(0, others.Length));
        for (var segment = 0; whole && segment < segments; segment++)
        {
            var target = raw.Slice(segment * SegmentSize, Math.Min(SegmentSize, raw.Length - (segment * SegmentSize)));
            ref var from = ref IsSet(bitmap, segment) ? ref stored : ref others;
            from[..target.Length].CopyTo(target);
            from = from[target.Length..];
        }

        ArrayPool<byte>.Shared.Return(rented);
        return whole;
    }

    private static bool TryExpand(ReadOnlySpan<byte> packed, Span<byte> raw) =>
        BrotliDecoder.TryDecompress(packed, raw, out var written) && written == raw.Length;

    private static int SegmentCount(int length) => (length + SegmentSize - 1) / SegmentSize;

    private static int BitmapLength(int length) => (SegmentCount(length) + 7) / 8;

    private static bool IsSet(ReadOnlySpan<byte> bitmap, int segment) => (bitmap[segment / 8] >> (segment % 8) & 1) == 1;

    private static ReadOnlySpan<byte> Segment(ReadOnlySpan<byte> raw, int segment) =>
        raw.Slice(segment * SegmentSize, Math.Min(SegmentSize, raw.Length - (segment * SegmentSize)));
}
