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

    /// <summary>
    /// The name as it can be shown, so that different names look different: <c>\x</c> with two hexadecimal digits stands for
    /// each byte that is no UTF-8, and for the bytes of control characters, of characters that turn the direction of writing
    /// or break a line, of a space at either end, and of a backslash that would be read as the beginning of such an escape.
    /// </summary>
    public static string Display(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (IsEscaped(text, i))
            {
                return Escaped(text);
            }
        }

        return text;
    }

    private static string Escaped(string text)
    {
        var shown = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                shown.Append(text[i]).Append(text[++i]);
            }
            else if (IsEscaped(text, i))
            {
                foreach (var b in Encode(text[i].ToString()))
                {
                    shown.Append(System.Globalization.CultureInfo.InvariantCulture, $"\\x{b:x2}");
                }
            }
            else
            {
                shown.Append(text[i]);
            }
        }

        return shown.ToString();
    }

    private static bool IsEscaped(string text, int at) => text[at] switch
    {
        ' ' => at == 0 || at == text.Length - 1,
        '\\' => at + 3 < text.Length && text[at + 1] == 'x' && char.IsAsciiHexDigit(text[at + 2]) && char.IsAsciiHexDigit(text[at + 3]),
        >= '\u200e' and <= '\u200f' or >= '\u2028' and <= '\u202e' or >= '\u2066' and <= '\u2069' or '\ufeff' => true,
        var c => char.IsControl(c) || (char.IsSurrogate(c) && !IsPair(text, at)),
    };

    private static bool IsPair(string text, int at) => char.IsHighSurrogate(text[at])
        ? at + 1 < text.Length && char.IsLowSurrogate(text[at + 1])
        : at > 0 && char.IsHighSurrogate(text[at - 1]);
}
