using System.Buffers.Binary;
using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>
/// The name of a file of a write-ahead log: a segment (24 digits), a partial one, a timeline's history, or the label of a
/// base backup. Shapes from "Continuous Archiving" in PostgreSQL's manual and src/include/access/xlog_internal.h.
/// </summary>
public readonly record struct WalFile
{
    private const int TimelineDigits = 8;
    private const int SegmentDigits = 24;

    private WalFile(string name) => Name = name;

    /// <summary>The name as PostgreSQL writes it.</summary>
    public string Name { get; }

    /// <summary>Whether it is a whole segment.</summary>
    public bool IsSegment => Name.Length == SegmentDigits;

    /// <summary>Whether it tells where a timeline branched off.</summary>
    public bool IsHistory => Name.EndsWith(".history", StringComparison.Ordinal);

    /// <summary>The timeline.</summary>
    public uint Timeline => Hex(Name.AsSpan(0, TimelineDigits));

    /// <summary>
    /// Reads a name. Anything else is refused: the name becomes a part of an object's name, and it comes from outside.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static WalFile Parse(string name) => TryParse(name, out var file)
        ? file
        : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{name}' is no name of a file in PostgreSQL's log, such as 000000010000000000000001. Give %f.", name);

    /// <summary>Reads a name; false where it is none.</summary>
    public static bool TryParse(string name, out WalFile file)
    {
        file = new WalFile(name);
        var digits = name.AsSpan();
        if (digits.EndsWith(".history"))
        {
            return digits.Length == TimelineDigits + 8 && AreHex(digits[..TimelineDigits]);
        }

        if (digits.Length < SegmentDigits || !AreHex(digits[..SegmentDigits]))
        {
            return false;
        }

        var rest = digits[SegmentDigits..];
        return rest.IsEmpty || rest is ".partial" || (rest.Length == 16 && rest[0] == '.' && rest[9..] is ".backup" && AreHex(rest[1..9]));
    }

    /// <summary>The segment's number, counted over all of the log, for segments of this size.</summary>
    public ulong Number(long segmentSize) =>
        (ulong)Hex(Name.AsSpan(TimelineDigits, 8)) * (ulong)(0x1_0000_0000 / segmentSize) + Hex(Name.AsSpan(TimelineDigits + 8, 8));

    /// <summary>The segment of a timeline with this number.</summary>
    public static WalFile Segment(uint timeline, ulong number, long segmentSize)
    {
        var perFile = (ulong)(0x1_0000_0000 / segmentSize);
        return new WalFile(string.Create(CultureInfo.InvariantCulture, $"{timeline:X8}{number / perFile:X8}{number % perFile:X8}"));
    }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>The system identifier in a segment's first page; null where it does not begin like one.</summary>
    internal static (ulong System, long SegmentSize)? Identify(ReadOnlySpan<byte> segment)
    {
        // XLogLongPageHeaderData: magic and flags (the long form sets 2), timeline, address, remaining length, padding,
        // then the system identifier, the size of segments and of pages.
        const ushort LongHeader = 2;
        return segment.Length >= 40 && (BinaryPrimitives.ReadUInt16LittleEndian(segment[2..]) & LongHeader) != 0 && segment[1] == 0xd1
            ? (BinaryPrimitives.ReadUInt64LittleEndian(segment[24..]), BinaryPrimitives.ReadUInt32LittleEndian(segment[32..]))
            : null;
    }

    private static bool AreHex(ReadOnlySpan<char> digits)
    {
        foreach (var digit in digits)
        {
            if (digit is not ((>= '0' and <= '9') or (>= 'A' and <= 'F')))
            {
                return false;
            }
        }

        return true;
    }

    private static uint Hex(ReadOnlySpan<char> digits) => uint.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
}
