using System.Globalization;
using System.Text;
using System.Text.Unicode;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// The head of one member of a tar archive in the pax format of POSIX: 512 bytes, and before them a record for each value
/// that they cannot hold. Names go in as the bytes that they are, UTF-8 or not.
/// </summary>
internal sealed class TarHeader
{
    private const int Block = 512;
    private const long MaxOctal7 = 0x1fffff;
    private const long MaxOctal11 = 0x1ffffffff;
    private readonly byte[] fields = new byte[Block];
    private readonly List<byte[]> records = [];

    /// <param name="entry">What the member is.</param>
    /// <param name="name">The name that the 512 bytes bear.</param>
    /// <param name="size">The bytes that follow as content.</param>
    public TarHeader(FileEntry entry, byte[] name, long size)
    {
        var target = PathCodec.Encode(entry.Target);
        if ((!Fits(name) && !Utf8.IsValid(name)) || (target.Length > 100 && !Utf8.IsValid(target)))
        {
            // Without this the values of records are UTF-8.
            Record("hdrcharset", "BINARY"u8);
        }

        PutName(name);
        PutText(157, 100, target, "linkpath");
        PutNumber(100, 8, entry.Mode < 0 ? (entry.Kind == EntryKind.Folder ? 0x1ed : 0x1a4) : entry.Mode, "");
        PutNumber(108, 8, Math.Max(0, entry.User), "uid");
        PutNumber(116, 8, Math.Max(0, entry.Group), "gid");
        PutNumber(124, 12, size, "size");
        PutTime(entry.Modified);
        fields[156] = (byte)TypeOf(entry.Kind);
        "ustar\000"u8.CopyTo(fields.AsSpan(257));
        if (entry.Kind is EntryKind.CharacterDevice or EntryKind.BlockDevice)
        {
            PutNumber(329, 8, DeviceNumbers.Major(entry.DeviceNumber), "SCHILY.devmajor");
            PutNumber(337, 8, DeviceNumbers.Minor(entry.DeviceNumber), "SCHILY.devminor");
        }

        foreach (var attribute in entry.Attributes)
        {
            Record("SCHILY.xattr." + attribute.Name, attribute.Value);
        }
    }

    /// <summary>Adds a record of its own: a number of bytes in decimal, a space, the keyword, <c>=</c>, the value and a line feed.</summary>
    public void Record(string keyword, ReadOnlySpan<byte> value)
    {
        byte[] key = PathCodec.Encode(keyword);
        var rest = key.Length + value.Length + 3;
        var length = rest + Digits(rest);
        length = rest + Digits(length);
        records.Add([.. Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture)), (byte)' ', .. key, (byte)'=', .. value, (byte)'\n']);
    }

    public void Write(Stream output)
    {
        if (records.Count > 0)
        {
            var length = records.Sum(r => r.Length);
            var head = new byte[Block];
            "PaxHeaders/records"u8.CopyTo(head);
            Octal(head.AsSpan(100, 8), 0x1a4);
            Octal(head.AsSpan(108, 8), 0);
            Octal(head.AsSpan(116, 8), 0);
            Octal(head.AsSpan(124, 12), length);
            Octal(head.AsSpan(136, 12), 0);
            head[156] = (byte)'x';
            "ustar\000"u8.CopyTo(head.AsSpan(257));
            Seal(head);
            output.Write(head);
            records.ForEach(r => output.Write(r));
            Pad(output, length);
        }

        Seal(fields);
        output.Write(fields);
    }

    /// <summary>Fills up to a whole number of blocks.</summary>
    public static void Pad(Stream output, long length) => output.Write(new byte[(Block - (length % Block)) % Block]);

    private static char TypeOf(EntryKind kind) => kind switch
    {
        EntryKind.HardLink => '1',
        EntryKind.Link => '2',
        EntryKind.CharacterDevice => '3',
        EntryKind.BlockDevice => '4',
        EntryKind.Folder => '5',
        EntryKind.Fifo => '6',
        _ => '0',
    };

    private static bool Fits(byte[] name) => name.Length <= 100 || Split(name) > 0;

    /// <summary>Where a long name can be cut at a slash, so that both parts have a field; 0 where it cannot.</summary>
    private static int Split(byte[] name)
    {
        for (var slash = Math.Min(155, name.Length - 2); slash > 0 && name.Length - slash - 1 <= 100; slash--)
        {
            if (name[slash] == '/')
            {
                return slash;
            }
        }

        return 0;
    }

    private void PutName(byte[] name)
    {
        var cut = name.Length <= 100 ? 0 : Split(name);
        if (cut > 0)
        {
            name.AsSpan(0, cut).CopyTo(fields.AsSpan(345));
            name.AsSpan(cut + 1).CopyTo(fields);
        }
        else
        {
            name.AsSpan(0, Math.Min(100, name.Length)).CopyTo(fields);
        }

        // Letters beyond ASCII in the old field have no known encoding; in a record they are UTF-8.
        if (!Fits(name) || (Utf8.IsValid(name) && name.Any(b => b > 0x7f)))
        {
            Record("path", name);
        }
    }

    private void PutText(int at, int room, byte[] text, string keyword)
    {
        text.AsSpan(0, Math.Min(room, text.Length)).CopyTo(fields.AsSpan(at));
        if (text.Length > room || (Utf8.IsValid(text) && text.Any(b => b > 0x7f)))
        {
            Record(keyword, text);
        }
    }

    private void PutNumber(int at, int room, long value, string keyword)
    {
        var fits = value <= (room == 8 ? MaxOctal7 : MaxOctal11);
        Octal(fields.AsSpan(at, room), fits ? value : 0);
        if (!fits)
        {
            Record(keyword, Encoding.ASCII.GetBytes(value.ToString(CultureInfo.InvariantCulture)));
        }
    }

    private void PutTime(FileTime time)
    {
        var fits = time.Seconds is >= 0 and <= MaxOctal11;
        Octal(fields.AsSpan(136, 12), fits ? time.Seconds : 0);
        if (fits && time.Nanoseconds == 0)
        {
            return;
        }

        // Of a time before 1970 the fraction counts downwards: -1.25 is a quarter of a second before -1.
        var (whole, fraction) = time.Seconds < 0 && time.Nanoseconds > 0 ? (time.Seconds + 1, 1_000_000_000 - time.Nanoseconds) : (time.Seconds, time.Nanoseconds);
        var sign = time.Seconds < 0 ? "-" : "";
        Record("mtime", Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{sign}{whole.ToString(CultureInfo.InvariantCulture).TrimStart('-')}{(fraction == 0 ? "" : $".{fraction:d9}".TrimEnd('0'))}")));
    }

    /// <summary>The sum of all bytes, with spaces in the place of the sum.</summary>
    private static void Seal(byte[] head)
    {
        head.AsSpan(148, 8).Fill((byte)' ');
        Octal(head.AsSpan(148, 7), head.Sum(b => b));
    }

    private static void Octal(Span<byte> field, long value)
    {
        for (var i = field.Length - 2; i >= 0; i--)
        {
            field[i] = (byte)('0' + (value & 7));
            value >>= 3;
        }

        field[^1] = 0;
    }

    private static int Digits(int number) => number.ToString(CultureInfo.InvariantCulture).Length;
}
