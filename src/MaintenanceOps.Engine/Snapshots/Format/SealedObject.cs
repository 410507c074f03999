using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>
/// A small object as a whole: header, then the sealed body. The body is a compression byte, the raw length and the
/// compressed content. The seal covers the header and the object's name, so an object under another's name does not open.
/// </summary>
internal static class SealedObject
{
    private const int TagSize = 16;
    private const int BodyHeader = 5;

    /// <summary>No map or manifest is larger; a length beyond it is damage or an attack on memory.</summary>
    private const int MaxRaw = 1 << 30;

    /// <summary>Maps and manifests shrink by a few times; a claim beyond this is an attack on memory.</summary>
    private const int MaxRatio = 4096;

    public static byte[] Seal(MasterKey key, ObjectKind kind, string name, ReadOnlySpan<byte> content)
    {
        if (content.Length > MaxRaw)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"A map of {ByteSize.Format(content.Length)} is larger than the format holds. Back the source up in parts.");
        }

        var body = new byte[BodyHeader + Math.Max(Compression.MaxLength(content.Length), content.Length)];
        body[0] = (byte)Compression.Compress(content, body.AsSpan(BodyHeader), out var written);
        BinaryPrimitives.WriteUInt32LittleEndian(body.AsSpan(1), (uint)content.Length);
        var length = BodyHeader + written;

        var header = ObjectHeader.Make(kind);
        var sealedBytes = new byte[ObjectHeader.Size + length + TagSize];
        header.CopyTo(sealedBytes, 0);
        using var cipher = key.CipherFor(header);
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        cipher.Encrypt(
            nonce,
            body.AsSpan(0, length),
            sealedBytes.AsSpan(ObjectHeader.Size, length),
            sealedBytes.AsSpan(ObjectHeader.Size + length),
            AssociatedData(header, name));
        return sealedBytes;
    }

    /// <exception cref="InvalidDataException">The bytes are damaged, or not this object.</exception>
    public static byte[] Open(MasterKey key, ObjectKind kind, string name, ReadOnlySpan<byte> sealedBytes)
    {
        ObjectHeader.Check(sealedBytes, kind);
        var length = sealedBytes.Length - ObjectHeader.Size - TagSize;
        if (length < BodyHeader)
        {
            throw new InvalidDataException("It is cut short.");
        }

        var header = sealedBytes[..ObjectHeader.Size];
        var body = new byte[length];
        using var cipher = key.CipherFor(header);
        Span<byte> nonce = stackalloc byte[12];
        nonce.Clear();
        try
        {
            cipher.Decrypt(nonce, sealedBytes.Slice(ObjectHeader.Size, length), sealedBytes[^TagSize..], body, AssociatedData(header, name));
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException("Its seal is broken.", e);
        }

        var rawLength = BinaryPrimitives.ReadUInt32LittleEndian(body.AsSpan(1));
        if (rawLength > MaxRaw || rawLength > (length + 16L) * MaxRatio)
        {
            throw new InvalidDataException($"It claims to hold {rawLength} bytes.");
        }

        var raw = new byte[rawLength];
        Compression.Decompress((CompressionKind)body[0], body.AsSpan(BodyHeader), raw);
        return raw;
    }

    private static byte[] AssociatedData(ReadOnlySpan<byte> header, string name) => [.. header, .. Encoding.ASCII.GetBytes(name)];
}
