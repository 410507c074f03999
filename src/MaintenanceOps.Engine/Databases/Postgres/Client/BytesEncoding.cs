using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Client;

/// <summary>
/// Texts of a database without an encoding (<c>SQL_ASCII</c>), which are bytes that may mean anything: UTF-8 where they are, and
/// each other byte as a letter of its own, from which it can be made again. So any name can be asked for.
/// </summary>
internal sealed class BytesEncoding : Encoding
{
    public const string Database = "SQL_ASCII";

    /// <summary>The letters for single bytes are behind this one, where Unicode has none.</summary>
    private const char First = '\uF700';

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The name by which the driver finds it.</summary>
    public override string WebName => "mops-bytes";

    /// <summary>Whether a text has letters that stand for bytes.</summary>
    public static bool IsNeeded(string text) => text.Any(c => c is >= (char)(First + 0x80) and <= (char)(First + 0xff));

    /// <summary>Lets the driver find it.</summary>
    public static void Register() => RegisterProvider(Provider.Instance);

    public override int GetByteCount(char[] chars, int index, int count) => GetBytes(chars.AsSpan(index, count)).Length;

    public override int GetBytes(char[] chars, int charIndex, int charCount, byte[] bytes, int byteIndex)
    {
        var encoded = GetBytes(chars.AsSpan(charIndex, charCount));
        encoded.CopyTo(bytes, byteIndex);
        return encoded.Length;
    }

    public override int GetCharCount(byte[] bytes, int index, int count) => Decode(bytes.AsSpan(index, count)).Length;

    public override int GetChars(byte[] bytes, int byteIndex, int byteCount, char[] chars, int charIndex)
    {
        var decoded = Decode(bytes.AsSpan(byteIndex, byteCount));
        decoded.CopyTo(0, chars, charIndex, decoded.Length);
        return decoded.Length;
    }

    public override int GetMaxByteCount(int charCount) => Strict.GetMaxByteCount(charCount);

    public override int GetMaxCharCount(int byteCount) => Strict.GetMaxCharCount(byteCount);

    private static byte[] GetBytes(ReadOnlySpan<char> chars)
    {
        var text = chars.ToString();
        if (!IsNeeded(text))
        {
            return Strict.GetBytes(text);
        }

        var bytes = new List<byte>();
        foreach (var rune in text.EnumerateRunes())
        {
            bytes.AddRange(IsNeeded(rune.ToString()) ? [(byte)(rune.Value - First)] : Strict.GetBytes(rune.ToString()));
        }

        return [.. bytes];
    }

    private static string Decode(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (bytes.Length > 0)
        {
            var isText = Rune.DecodeFromUtf8(bytes, out var rune, out var length) == System.Buffers.OperationStatus.Done && !IsNeeded(rune.ToString());
            foreach (var b in isText ? [] : bytes[..length])
            {
                text.Append((char)(First + b));
            }

            text.Append(isText ? rune.ToString() : "");
            bytes = bytes[length..];
        }

        return text.ToString();
    }

    private sealed class Provider : EncodingProvider
    {
        public static readonly Provider Instance = new();

        public override Encoding? GetEncoding(string name) => name == "mops-bytes" ? new BytesEncoding() : null;

        public override Encoding? GetEncoding(int codepage) => null;
    }
}
