using System.Buffers.Binary;
using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>The layout that a pack's writer and its reader share.</summary>
internal static class Pack
{
    public const int TagSize = 16;

    /// <summary>A frame holds up to this many raw bytes; 64 KiB frames cost 6 % more space, 1 MiB ones save nothing.</summary>
    public const int FrameSize = 256 * 1024;

    /// <summary>
    /// A pack is closed once it holds this many bytes, so that with its footer it fits into sixteen MiB: twice as much
    /// memory would be taken for one byte more.
    /// </summary>
    public const int TargetSize = 15 * 1024 * 1024;

    /// <summary>The footer's sealed length, then these four letters, end a pack.</summary>
    public const int TrailerSize = 8;

    /// <summary>The nonce number of the footer; frames count from zero.</summary>
    public const uint FooterNumber = uint.MaxValue;

    public static ReadOnlySpan<byte> TrailerMark => "SPOM"u8;

    public static string ObjectName(string id) => $"packs/{id[..2]}/{id}";

    /// <summary>The id of a pack: SHA-256 over its header, sealed footer and trailer; the footer holds every frame's seal.</summary>
    public static string IdOf(ReadOnlySpan<byte> header, ReadOnlySpan<byte> sealedFooterAndTrailer)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(header);
        hash.AppendData(sealedFooterAndTrailer);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    public static void Nonce(Span<byte> nonce, uint number)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt32LittleEndian(nonce, number);
    }

    public static void AssociatedData(Span<byte> data, ReadOnlySpan<byte> header, uint number)
    {
        header.CopyTo(data);
        BinaryPrimitives.WriteUInt32LittleEndian(data[ObjectHeader.Size..], number);
    }

    public const int AssociatedSize = ObjectHeader.Size + 4;

    /// <summary>Opens the seal of a frame; what comes out is still compressed.</summary>
    /// <exception cref="InvalidDataException">The seal is broken.</exception>
    public static void OpenFrame(PackFooter pack, int number, AesGcm cipher, ReadOnlySpan<byte> frame, Span<byte> packed)
    {
        Span<byte> nonce = stackalloc byte[12];
        Span<byte> associated = stackalloc byte[AssociatedSize];
        Nonce(nonce, (uint)number);
        AssociatedData(associated, pack.Header, (uint)number);
        try
        {
            // The seal that the footer remembers, not the one beside the frame: the footer's hash is the pack's name.
            cipher.Decrypt(nonce, frame[..packed.Length], pack.FrameTags.AsSpan(number * TagSize, TagSize), packed, associated);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException("Its seal is broken.", e);
        }
    }
}
