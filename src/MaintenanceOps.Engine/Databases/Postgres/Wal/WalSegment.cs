using System.Buffers.Binary;
using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Wal;

/// <summary>
/// What the records of one segment tell without a server: when transactions were committed, where the last whole record
/// begins, and which tablespaces are made. Shapes from src/include/access/xlogrecord.h, xact.h and xlog_internal.h, which
/// are the same since PostgreSQL 9.5.
/// </summary>
internal sealed class WalSegment
{
    private const int RecordHeader = 24;
    private const int ShortHeader = 24;
    private const int LongHeader = 40;
    private const byte XlogManager = 0;
    private const byte TransactionManager = 1;
    private const byte TablespaceManager = 5;
    private static readonly DateTimeOffset Epoch = new(2000, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly byte[] bytes;
    private readonly ulong start;
    private readonly int pageSize;
    private readonly List<(ulong Lsn, uint Oid, string Path)> tablespaces = [];

    private WalSegment(byte[] bytes)
    {
        this.bytes = bytes;
        start = BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(8));
        pageSize = BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(36));
    }

    /// <summary>When the first transaction in it was committed or given up; null where there is none.</summary>
    public DateTimeOffset? FirstEnded { get; private set; }

    /// <summary>When the latest one was.</summary>
    public DateTimeOffset? LastEnded { get; private set; }

    /// <summary>Where its last whole record begins; null where none begins and ends in it.</summary>
    public ulong? LastRecord { get; private set; }

    /// <summary>The tablespaces that are made in it: where in the log, their numbers, and the folders that a server which replays it writes to.</summary>
    public IReadOnlyList<(ulong Lsn, uint Oid, string Path)> Tablespaces => tablespaces;

    /// <summary>Reads a segment. One that is not as expected tells what could be read up to there.</summary>
    public static WalSegment Read(byte[] bytes)
    {
        var segment = new WalSegment(WalFile.Identify(bytes) is null ? new byte[LongHeader] : bytes);
        if (segment.pageSize >= 1024 && bytes.Length % segment.pageSize == 0)
        {
            segment.ReadRecords();
        }

        return segment;
    }

    private void ReadRecords()
    {
        // The segment may begin with the rest of a record of the one before.
        var position = Skip(LongHeader, BinaryPrimitives.ReadInt32LittleEndian(bytes.AsSpan(16)));
        Span<byte> header = stackalloc byte[RecordHeader];
        for (ulong? previous = null; position >= 0;)
        {
            var (at, next) = (start + (ulong)position, Copy(position, header));
            var length = BinaryPrimitives.ReadUInt32LittleEndian(header);
            if (next < 0 || length < RecordHeader || length > int.MaxValue || (previous is { } before && BinaryPrimitives.ReadUInt64LittleEndian(header[8..]) != before))
            {
                // Zeros, a record that goes on in the next segment, or what an older use of the file left behind.
                return;
            }

            var after = Skip(position, (int)length);
            if (after < 0)
            {
                return;
            }

            (LastRecord, previous) = (at, at);
            Look(header[17], header[16], position, (int)length);
            position = header[17] == XlogManager && (header[16] & 0xf0) == 0x40 ? -1 : after;
        }
    }

    private void Look(byte manager, byte info, int position, int length)
    {
        // Others have no time in them that a recovery could stop at.
        if (manager == TransactionManager && (info & 0x70) is 0x00 or 0x20 or 0x30 or 0x40 && Content(position, length) is { Length: >= 8 } ended)
        {
            var time = Epoch.AddTicks(BinaryPrimitives.ReadInt64LittleEndian(ended) * 10);
            FirstEnded ??= time;
            LastEnded = LastEnded > time ? LastEnded : time;
        }
        else if (manager == TablespaceManager && (info & 0xf0) == 0 && Content(position, length) is { Length: > 4 } made)
        {
            tablespaces.Add((start + (ulong)position, BinaryPrimitives.ReadUInt32LittleEndian(made), Encoding.UTF8.GetString(made.AsSpan(4)).TrimEnd('\0')));
        }
    }

    /// <summary>A record's own data; empty where it has pages beside it, which no record that is looked at has.</summary>
    private byte[] Content(int position, int length)
    {
        const byte Short = 255, Long = 254, Origin = 253, Parent = 252;
        var record = new byte[length];
        Copy(position, record);
        for (var i = RecordHeader; i + 5 < length;)
        {
            switch (record[i])
            {
                case Origin:
                    i += 3;
                    break;
                case Parent:
                    i += 5;
                    break;
                case Short:
                    return record[i + 1] <= length - i - 2 ? record[^record[i + 1]..] : [];
                case Long:
                    var size = BinaryPrimitives.ReadUInt32LittleEndian(record.AsSpan(i + 1));
                    return size <= length - i - 5 ? record[^(int)size..] : [];
                default:
                    return [];
            }
        }

        return [];
    }

    /// <summary>Copies what stands at a position, across pages.</summary>
    /// <returns>The position behind it; negative where it goes beyond the segment.</returns>
    private int Copy(int position, Span<byte> into)
    {
        while (into.Length > 0)
        {
            position = Enter(position);
            if (position < 0)
            {
                return -1;
            }

            var part = Math.Min(into.Length, pageSize - (position % pageSize));
            bytes.AsSpan(position, part).CopyTo(into);
            into = into[part..];
            position += part;
        }

        return position;
    }

    /// <summary>The position behind so many bytes, where the next record begins: at a multiple of eight.</summary>
    private int Skip(int position, int length)
    {
        while (length > 0)
        {
            position = Enter(position);
            if (position < 0)
            {
                return -1;
            }

            var part = Math.Min(length, pageSize - (position % pageSize));
            (length, position) = (length - part, position + part);
        }

        return Enter((position + 7) & ~7);
    }

    /// <summary>Moves past a page's header; negative at the end of the segment, and where a page is none of this segment.</summary>
    private int Enter(int position)
    {
        if (position >= bytes.Length)
        {
            return -1;
        }

        return position % pageSize != 0 ? position
            : BinaryPrimitives.ReadUInt64LittleEndian(bytes.AsSpan(position + 8)) == start + (ulong)position ? position + (position == 0 ? LongHeader : ShortHeader)
            : -1;
    }
}
