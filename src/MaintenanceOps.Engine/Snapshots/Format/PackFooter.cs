using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>One frame: where it lies in the pack, how long it is, and which blocks it holds.</summary>
internal readonly record struct FrameEntry(long Offset, int StoredLength, int RawLength, CompressionKind Compression, int FirstBlock, int BlockCount);

/// <summary>
/// The list at the end of a pack: its frames, and the ids and lengths of the blocks in them. With it a pack is readable
/// without any index.
/// </summary>
internal sealed class PackFooter
{
    private PackFooter(string packId, byte[] header, FrameEntry[] frames, BlockId[] ids, int[] lengths, byte[] frameTags)
    {
        PackId = packId;
        Header = header;
        Frames = frames;
        Ids = ids;
        Lengths = lengths;
        FrameTags = frameTags;
    }

    public string PackId { get; }

    /// <summary>The pack's first bytes, from which the key of its frames comes.</summary>
    public byte[] Header { get; }

    public FrameEntry[] Frames { get; }

    public BlockId[] Ids { get; }

    public int[] Lengths { get; }

    /// <summary>The seals of the frames, sixteen bytes each.</summary>
    public byte[] FrameTags { get; }

    public static void Write(ByteWriter writer, IReadOnlyList<FrameEntry> frames, IReadOnlyList<BlockId> ids, IReadOnlyList<int> lengths, ReadOnlySpan<byte> frameTags)
    {
        writer.VarInt(frames.Count);
        for (var i = 0; i < frames.Count; i++)
        {
            var frame = frames[i];
            writer.VarInt(frame.StoredLength);
            writer.VarInt(frame.RawLength);
            writer.Byte((byte)frame.Compression);
            writer.VarInt(frame.BlockCount);
            writer.Bytes(frameTags.Slice(i * Pack.TagSize, Pack.TagSize));
        }

        foreach (var length in lengths)
        {
            writer.VarInt(length);
        }

        foreach (var id in ids)
        {
            writer.Id(id);
        }
    }

    /// <summary>Reads the footer out of a pack's end.</summary>
    /// <param name="key">The repository's key.</param>
    /// <param name="packId">The id under which the pack was found.</param>
    /// <param name="header">The pack's first forty bytes.</param>
    /// <param name="tail">The pack's end; it must hold the whole footer.</param>
    /// <exception cref="InvalidDataException">The pack is damaged, or is not the one that its name says.</exception>
    public static PackFooter Open(MasterKey key, string packId, ReadOnlySpan<byte> header, ReadOnlySpan<byte> tail)
    {
        var footer = Open(key, ObjectKind.Pack, header, tail);
        return footer.PackId == packId ? footer : throw new InvalidDataException("Its footer is damaged, or it is another pack under this name.");
    }

    /// <summary>Reads the footer of an object that is laid out like a pack, whatever its name.</summary>
    public static PackFooter Open(MasterKey key, ObjectKind kind, ReadOnlySpan<byte> header, ReadOnlySpan<byte> tail)
    {
        ObjectHeader.Check(header, kind);
        var length = SealedLength(tail);
        if (length < Pack.TagSize || length > tail.Length - Pack.TrailerSize)
        {
            throw new InvalidDataException("Its footer is longer than the pack.");
        }

        var sealedFooter = tail[^(length + Pack.TrailerSize)..];
        var raw = new byte[length - Pack.TagSize];
        Span<byte> nonce = stackalloc byte[12];
        Span<byte> associated = stackalloc byte[Pack.AssociatedSize];
        Pack.Nonce(nonce, Pack.FooterNumber);
        Pack.AssociatedData(associated, header[..ObjectHeader.Size], Pack.FooterNumber);
        using var cipher = key.CipherFor(header);
        try
        {
            cipher.Decrypt(nonce, sealedFooter[..raw.Length], sealedFooter.Slice(raw.Length, Pack.TagSize), raw, associated);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException("The seal of its footer is broken.", e);
        }

        return Parse(Pack.IdOf(header[..ObjectHeader.Size], sealedFooter), header[..ObjectHeader.Size].ToArray(), raw);
    }

    /// <summary>The sealed length of the footer, as the pack's last eight bytes tell; throws where they are no trailer.</summary>
    public static int SealedLength(ReadOnlySpan<byte> tail)
    {
        if (tail.Length < Pack.TrailerSize || !tail[^4..].SequenceEqual(Pack.TrailerMark))
        {
            throw new InvalidDataException("It does not end like a pack: it is cut short or damaged.");
        }

        return checked((int)BinaryPrimitives.ReadUInt32LittleEndian(tail[^Pack.TrailerSize..]));
    }

    private static PackFooter Parse(string packId, byte[] header, ReadOnlySpan<byte> raw)
    {
        var reader = new ByteReader(raw);
        var frames = new FrameEntry[reader.Count(4 + Pack.TagSize)];
        var tags = new byte[frames.Length * Pack.TagSize];
        long offset = ObjectHeader.Size;
        var blocks = 0;
        for (var i = 0; i < frames.Length; i++)
        {
            var stored = reader.Int32();
            var rawLength = reader.Int32();
            var compression = (CompressionKind)reader.Byte();
            var count = reader.Int32();
            if (rawLength > Pack.FrameSize || stored < Pack.TagSize || stored > Pack.FrameSize + Pack.TagSize || count > reader.Remaining)
            {
                throw new InvalidDataException("Its footer describes a frame that cannot be.");
            }

            reader.Take(Pack.TagSize).CopyTo(tags.AsSpan(i * Pack.TagSize));
            frames[i] = new FrameEntry(offset, stored, rawLength, compression, blocks, count);
            offset += stored;
            blocks = checked(blocks + count);
        }

        if (blocks > reader.Remaining)
        {
            throw new InvalidDataException("Its footer lists more blocks than it holds.");
        }

        var lengths = new int[blocks];
        for (var i = 0; i < blocks; i++)
        {
            lengths[i] = reader.Int32();
        }

        foreach (var frame in frames)
        {
            long filled = 0;
            foreach (var length in lengths.AsSpan(frame.FirstBlock, frame.BlockCount))
            {
                filled += length;
            }

            if (filled != frame.RawLength)
            {
                throw new InvalidDataException("Its footer lists blocks that do not fill their frame.");
            }
        }

        var ids = reader.Ids(blocks);
        if (!reader.AtEnd)
        {
            throw new InvalidDataException("Its footer goes on after its end.");
        }

        return new PackFooter(packId, header, frames, ids, lengths, tags);
    }
}
