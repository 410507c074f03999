using System.Text;
using System.Text.Unicode;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// File names are bytes on Unix and need not be UTF-8. Inside the engine they are strings; a byte that is no UTF-8
/// becomes a lone surrogate between U+DC80 and U+DCFF and turns back into the same byte (PEP 383's way).
/// </summary>
internal static class PathCodec
{
    private const char Escape = '\udc00';

    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        if (Utf8.IsValid(bytes))
        {
            return Encoding.UTF8.GetString(bytes);
        }

        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune.ToString());
            }
            else
            {
                used = 1;
                text.Append((char)(Escape + bytes[0]));
            }

            bytes = bytes[used..];
        }

        return text.ToString();
    }

    public static byte[] Encode(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\ud800', '\udfff'))
        {
            return Encoding.UTF8.GetBytes(text);
        }

        var bytes = new byte[(text.Length * 3) + 1];
        var length = 0;
        ReadOnlySpan<char> rest = text;
        while (!rest.IsEmpty)
        {
            if (Rune.DecodeFromUtf16(rest, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                length += rune.EncodeToUtf8(bytes.AsSpan(length));
            }
            else
            {
                used = 1;
                bytes[length++] = (byte)(rest[0] - Escape);
            }

            rest = rest[used..];
        }

        return bytes[..length];
    }

    /// <summary>The name as it can be shown: escaped bytes as <c>\xff</c>, control characters too.</summary>
    public static string Display(string text) => text.Any(c => char.IsSurrogate(c) || char.IsControl(c)) ? Escaped(text) : text;

    private static string Escaped(string text)
    {
        var shown = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                shown.Append(c).Append(text[++i]);
            }
            else if (char.IsSurrogate(c) || char.IsControl(c))
            {
                shown.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\x{(byte)(c - (char.IsSurrogate(c) ? Escape : 0)):x2}");
            }
            else
            {
                shown.Append(c);
            }
        }

        return shown.ToString();
    }
}
