using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>What a sealed object is; the letter stands in its header.</summary>
internal enum ObjectKind : byte
{
    Pack = (byte)'P',
    Map = (byte)'M',
    Manifest = (byte)'S',
    TestRecord = (byte)'T',
    SealedFile = (byte)'F',
    Doom = (byte)'D',
}

/// <summary>
/// The forty bytes in front of every sealed object: <c>MOPS</c>, the format's version, the kind, two zeros and a random
/// salt, from which the object's own key is derived.
/// </summary>
internal static class ObjectHeader
{
    public const int Size = 40;
    public const byte Version = 1;
    private const int SaltOffset = 8;

    public static byte[] Make(ObjectKind kind)
    {
        var header = new byte[Size];
        "MOPS"u8.CopyTo(header);
        header[4] = Version;
        header[5] = (byte)kind;
        RandomNumberGenerator.Fill(header.AsSpan(SaltOffset));
        return header;
    }

    /// <summary>Throws where the bytes do not begin an object of the kind in a version that is known.</summary>
    public static void Check(ReadOnlySpan<byte> header, ObjectKind kind)
    {
        if (header.Length < Size || !header[..4].SequenceEqual("MOPS"u8) || header[6] != 0 || header[7] != 0)
        {
            throw new InvalidDataException("It does not begin like an object of a repository.");
        }

        if (header[4] > Version)
        {
            throw new InvalidDataException($"It has format version {header[4]}; this program knows versions up to {Version}.");
        }

        if (header[5] != (byte)kind)
        {
            throw new InvalidDataException($"It is an object of kind '{(char)header[5]}' where one of kind '{(char)kind}' belongs.");
        }
    }

    public static ReadOnlySpan<byte> Salt(ReadOnlySpan<byte> header) => header[SaltOffset..Size];
}
