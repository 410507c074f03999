using System.Security.Cryptography;
using System.Text;

namespace MaintenanceOps.Engine.Snapshots.Keys;

/// <summary>A passphrase in memory. It is never logged, written or passed to a process.</summary>
public sealed class Passphrase
{
    private readonly byte[] bytes;

    private Passphrase(byte[] bytes) => this.bytes = bytes;

    internal ReadOnlySpan<byte> Bytes => bytes;

    /// <summary>Takes a passphrase as text.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the text is empty.</exception>
    public static Passphrase FromText(string text) => text is { Length: > 0 }
        ? new Passphrase(Encoding.UTF8.GetBytes(text))
        : throw new MaintenanceException(ErrorCode.InvalidArgument, "The passphrase is empty. Give one of at least one character; a dozen or more is wise.");

    /// <summary>Reads a key file: all of its bytes, less line ends at the end.</summary>
    /// <exception cref="MaintenanceException">The file cannot be read, or is empty.</exception>
    public static Passphrase FromFile(string path)
    {
        var content = Storage.GivenFile.Bytes(path, "read the passphrase file");
        var length = content.AsSpan().TrimEnd("\r\n"u8).Length;
        return length > 0
            ? new Passphrase(content[..length])
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"The passphrase file '{path}' is empty.", path);
    }

    /// <summary>
    /// The passphrase that the environment names: the file in <c>MAINTENANCEOPS_PASSPHRASE_FILE</c>, else the text in
    /// <c>MAINTENANCEOPS_PASSPHRASE</c>; null where neither is set.
    /// </summary>
    public static Passphrase? FromEnvironment()
    {
        var file = Environment.GetEnvironmentVariable("MAINTENANCEOPS_PASSPHRASE_FILE");
        if (!string.IsNullOrEmpty(file))
        {
            return FromFile(file);
        }

        var text = Environment.GetEnvironmentVariable("MAINTENANCEOPS_PASSPHRASE");
        return string.IsNullOrEmpty(text) ? null : FromText(text);
    }

    /// <summary>Nothing of the secret.</summary>
    public override string ToString() => "(passphrase)";

    internal byte[] Derive(ReadOnlySpan<byte> salt, int iterations) =>
        Rfc2898DeriveBytes.Pbkdf2(bytes, salt, iterations, HashAlgorithmName.SHA512, Format.MasterKey.Size);
}
