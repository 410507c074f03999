using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>
/// The secret of a repository, from which the key of every object is derived. A repository without a passphrase uses
/// 32 zero bytes, which everybody knows: the seals then detect damage and hide nothing, and the code is the same.
/// </summary>
internal sealed class MasterKey(byte[] secret)
{
    public const int Size = 32;
    private const int TagSize = 16;
    private readonly byte[] nameKey = HKDF.DeriveKey(HashAlgorithmName.SHA512, secret, Size, info: "maintenanceops/1/name"u8.ToArray());

    public static MasterKey Public { get; } = new(new byte[Size]);

    public static MasterKey Generate() => new(RandomNumberGenerator.GetBytes(Size));

    /// <summary>The secret itself, for wrapping it with a passphrase.</summary>
    public ReadOnlySpan<byte> Secret => secret;

    /// <summary>The cipher of one object, bound to its kind and salt.</summary>
    public AesGcm CipherFor(ReadOnlySpan<byte> header)
    {
        Span<byte> key = stackalloc byte[Size];
        Span<byte> info = stackalloc byte[18];
        "maintenanceops/1/"u8.CopyTo(info);
        info[17] = header[5];
        HKDF.DeriveKey(HashAlgorithmName.SHA512, secret, key, ObjectHeader.Salt(header), info);
        var cipher = new AesGcm(key, TagSize);
        CryptographicOperations.ZeroMemory(key);
        return cipher;
    }

    /// <summary>
    /// The name of an object with this content: 64 hexadecimal digits of a keyed hash, so that a name tells nothing
    /// about the content to who has no key.
    /// </summary>
    public string NameOf(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[HMACSHA512.HashSizeInBytes];
        HMACSHA512.HashData(nameKey, content, hash);
        return Convert.ToHexStringLower(hash[..32]);
    }
}
