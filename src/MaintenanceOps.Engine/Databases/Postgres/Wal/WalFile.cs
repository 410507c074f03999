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

    /// <summary>The size of a segment in bytes where nobody chose another one.</summary>
    internal const long UsualSize = 16 << 20;

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

    /// <summary>The history of a timeline.</summary>
    public static WalFile History(uint timeline) => new(string.Create(CultureInfo.InvariantCulture, $"{timeline:X8}.history"));

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Whether its place in the log is that of another file or later, on whatever timeline; segments are of one size.</summary>
    internal bool IsAtOrAfter(WalFile other) => string.CompareOrdinal(Place, other.Place) >= 0;

    /// <summary>Whether its place in the log is behind that of another file, on whatever timeline.</summary>
    internal bool IsAfter(WalFile other) => string.CompareOrdinal(Place, other.Place) > 0;

    /// <summary>How the names of the segments begin that follow on its timeline: those of its own 4 GiB of the log, and of the next.</summary>
    internal string[] NamesAhead => [Name[..16], string.Create(CultureInfo.InvariantCulture, $"{Timeline:X8}{unchecked(Hex(Name.AsSpan(TimelineDigits, 8)) + 1):X8}")];

    /// <summary>What a segment's first page says of it; null where it does not begin like one.</summary>
    internal static WalIdentity? Identify(ReadOnlySpan<byte> segment)
    {
        // XLogLongPageHeaderData: magic and flags (the long form sets 2), timeline, address, remaining length, padding,
        // then the system identifier, the size of segments and of pages.
        const ushort LongHeader = 2;
        return segment.Length >= 40 && (BinaryPrimitives.ReadUInt16LittleEndian(segment[2..]) & LongHeader) != 0 && segment[1] == 0xd1
            ? new WalIdentity(
                BinaryPrimitives.ReadUInt32LittleEndian(segment[4..]),
                BinaryPrimitives.ReadUInt64LittleEndian(segment[8..]),
                BinaryPrimitives.ReadUInt64LittleEndian(segment[24..]),
                BinaryPrimitives.ReadUInt32LittleEndian(segment[32..]))
            : null;
    }

    /// <summary>Whether a file begins like this segment: a server prepares files for later ones, which hold old content until they are written.</summary>
    internal bool IsIn(ReadOnlySpan<byte> content) =>
        Identify(content) is { SegmentSize: > 0 } found && found.Start == Number(found.SegmentSize) * (ulong)found.SegmentSize && found.Timeline <= Timeline;

    /// <summary>The digits that say where in the log it is.</summary>
    private string Place => Name[TimelineDigits..SegmentDigits];

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

/// <summary>What a segment says of itself.</summary>
/// <param name="Timeline">The timeline of its first page; an older one than in its name where it begins before the branch.</param>
/// <param name="Start">Where in the log it begins.</param>
/// <param name="System">The cluster's system identifier.</param>
/// <param name="SegmentSize">The size of a segment in bytes.</param>
internal readonly record struct WalIdentity(uint Timeline, ulong Start, ulong System, long SegmentSize);
