using System.Buffers.Binary;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// The pages in a write-ahead log that belong to the state of one reader. Format:
/// https://www.sqlite.org/fileformat2.html#the_write_ahead_log.
/// </summary>
internal sealed class WriteAheadLog
{
    private const int HeaderSize = 32;
    private const int FrameHeaderSize = 24;
    private const uint MagicLittle = 0x377f0682;
    private const uint MagicBig = 0x377f0683;

    /// <summary>Frames are scanned in pieces of about this size.</summary>
    private const int ScanSize = 1024 * 1024;

    private readonly SqliteFile file;
    private readonly int pageSize;
    private readonly byte[] header;
    private readonly Dictionary<uint, int> newestFrame = [];

    /// <summary>The frames that hold versions of the first page, in their order.</summary>
    private readonly List<int> firstPages = [];

    /// <summary>The running checksum before each committed frame, and after the last one.</summary>
    private readonly List<(uint First, uint Second)> checksums = [];

    private WriteAheadLog(SqliteFile file, int pageSize, byte[] header)
    {
        this.file = file;
        this.pageSize = pageSize;
        this.header = header;
    }

    /// <summary>The number of frames up to the mark; zero where the database file alone is the state.</summary>
    public int Frames { get; private set; }

    /// <summary>Tells this state of the log from every other: salts, frames, and the checksum over all of them.</summary>
    public string Token => Frames == 0
        ? "0"
        : $"{Convert.ToHexStringLower(header.AsSpan(16, 8))}.{Frames}.{checksums[Frames].First:x8}{checksums[Frames].Second:x8}";

    /// <summary>
    /// Reads the log up to a reader's mark. The mark keeps the frames before it from being overwritten, except where all
    /// of them were in the database file when the reader began; then a writer may begin the log anew at any time, and
    /// the database file alone is the state, which the reader's lock keeps as it is.
    /// </summary>
    public static WriteAheadLog Scan(SqliteFile file, int pageSize, ReadMark mark)
    {
        var log = new WriteAheadLog(file, pageSize, ReadHeader(file));
        if (!log.HeaderIsValid() || !log.header.AsSpan(16, 8).SequenceEqual(mark.Salts))
        {
            return log;
        }

        log.ScanFrames(mark.Frames);
        if (log.Frames == mark.Frames && log.checksums[mark.Frames] == mark.Checksum)
        {
            return log;
        }

        return log.WasBegunAnew()
            ? new WriteAheadLog(file, pageSize, log.header)
            : throw new MaintenanceException(ErrorCode.InputOutput, $"The write-ahead log breaks off after {log.Frames} of {mark.Frames} frames that SQLite counts.");
    }

    /// <summary>The frame that holds the newest committed version of a page; false where the database file does.</summary>
    public bool TryFind(uint page, out int frame) => newestFrame.TryGetValue(page, out frame);

    /// <summary>
    /// Reads a page out of a frame. False, with the buffer as it was, where the log was begun anew since the scan: then
    /// the database file has the page (see <see cref="Scan"/>).
    /// </summary>
    public bool TryReadPage(int frame, Span<byte> page)
    {
        var frameBytes = new byte[FrameHeaderSize + pageSize];
        file.Read(frameBytes, OffsetOf(frame));
        var content = frameBytes.AsSpan(FrameHeaderSize);
        if (Checksum(content, Checksum(frameBytes.AsSpan(0, 8), checksums[frame])) == checksums[frame + 1])
        {
            content.CopyTo(page);
            return true;
        }

        return WasBegunAnew()
            ? false
            : throw new MaintenanceException(ErrorCode.InputOutput, $"Frame {frame} of the write-ahead log does not read the same twice.");
    }

    /// <summary>Whether a writer has begun the log anew since the scan.</summary>
    public bool WasBegunAnew() => !ReadHeader(file).AsSpan().SequenceEqual(header);

    /// <summary>Whether one of the frames up to the mark holds a first page that begins like this.</summary>
    public bool HasWritten(ReadOnlySpan<byte> header)
    {
        foreach (var frame in firstPages)
        {
            var page = new byte[header.Length];
            file.Read(page, OffsetOf(frame) + FrameHeaderSize);
            if (header.SequenceEqual(page))
            {
                return true;
            }
        }

        // A log that was begun anew had all of its pages in the file before.
        return firstPages.Count > 0 && WasBegunAnew();
    }

    private void ScanFrames(int limit)
    {
        var frameSize = FrameHeaderSize + pageSize;
        var buffer = new byte[Math.Max(1, ScanSize / frameSize) * frameSize];
        var running = Checksum(header.AsSpan(0, 24), (0, 0));
        var salts = header.AsSpan(16, 8);
        checksums.Add(running);
        var end = file.Size;
        for (long offset = HeaderSize; offset + frameSize <= end; offset += buffer.Length)
        {
            var length = (int)Math.Min(buffer.Length, (end - offset) / frameSize * frameSize);
            var piece = buffer.AsSpan(0, length);
            file.Read(piece, offset);
            for (; !piece.IsEmpty; piece = piece[frameSize..])
            {
                var head = piece[..FrameHeaderSize];
                running = Checksum(piece.Slice(FrameHeaderSize, pageSize), Checksum(head[..8], running));
                var stored = (BinaryPrimitives.ReadUInt32BigEndian(head[16..]), BinaryPrimitives.ReadUInt32BigEndian(head[20..]));
                if (!head.Slice(8, 8).SequenceEqual(salts) || running != stored)
                {
                    return;
                }

                var page = BinaryPrimitives.ReadUInt32BigEndian(head);
                newestFrame[page] = checksums.Count - 1;
                if (page == 1)
                {
                    firstPages.Add(checksums.Count - 1);
                }

                checksums.Add(running);
                Frames = checksums.Count - 1;
                if (Frames == limit)
                {
                    return;
                }
            }
        }
    }

    private bool HeaderIsValid()
    {
        var magic = BinaryPrimitives.ReadUInt32BigEndian(header);
        if (magic is not (MagicLittle or MagicBig) || BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(8)) != pageSize)
        {
            return false;
        }

        var stored = (BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(24)), BinaryPrimitives.ReadUInt32BigEndian(header.AsSpan(28)));
        return Checksum(header.AsSpan(0, 24), (0, 0)) == stored;
    }

    private (uint First, uint Second) Checksum(ReadOnlySpan<byte> bytes, (uint First, uint Second) sum)
    {
        var (first, second) = sum;
        var big = (header[3] & 1) == 1;
        for (var i = 0; i < bytes.Length; i += 8)
        {
            var a = big ? BinaryPrimitives.ReadUInt32BigEndian(bytes[i..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]);
            var b = big ? BinaryPrimitives.ReadUInt32BigEndian(bytes[(i + 4)..]) : BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i + 4)..]);
            unchecked
            {
                first += a + second;
                second += b + first;
            }
        }

        return (first, second);
    }

    private long OffsetOf(int frame) => HeaderSize + ((long)frame * (FrameHeaderSize + pageSize));

    private static byte[] ReadHeader(SqliteFile file)
    {
        var bytes = new byte[HeaderSize];
        file.Read(bytes, 0);
        return bytes;
    }
}
