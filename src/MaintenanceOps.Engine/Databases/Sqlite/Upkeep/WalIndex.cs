using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// How much of the write-ahead log a checkpoint has moved into the database, and who still reads what it has to leave.
/// Format: https://www.sqlite.org/walformat.html#the_wal_index_file_format. It is read out of the memory that the
/// connection shares with the others; opening the <c>-shm</c> file a second time would drop the locks in it.
/// </summary>
/// <param name="Frames">Frames in the log.</param>
/// <param name="Moved">How many of them are in the database file as well.</param>
/// <param name="Readers">For each reading slot in use, how many frames its readers see.</param>
internal sealed record WalIndex(long Frames, long Moved, IReadOnlyList<long> Readers)
{
    private const int CopyLength = 48;
    private const int FramesAt = 16;
    private const int MovedAt = 96;
    private const int MarksAt = 100;
    private const int Slots = 5;

    /// <summary>The lock of the first reading slot; the slots' locks lie side by side.</summary>
    private const int FirstReadLock = 3;

    /// <summary>Frames that only the log has.</summary>
    public long Pending => Frames - Moved;

    /// <summary>The log as it is now; null where there is none. The connection has read and is in no transaction.</summary>
    public static WalIndex? Read(SqliteConnection connection)
    {
        var file = SqliteNative.MainFile(connection.Handle!);
        Span<byte> index = stackalloc byte[MarksAt + (Slots * sizeof(uint))];

        // A writer changes the first copy after the second: equal copies are whole.
        for (var attempt = 0; attempt < 100; attempt++)
        {
            if (!file.TryReadWalIndex(index))
            {
                return null;
            }

            if (index[..CopyLength].SequenceEqual(index.Slice(CopyLength, CopyLength)))
            {
                return new WalIndex(Number(index, FramesAt), Number(index, MovedAt), HeldMarks(file, index));
            }
        }

        return null;
    }

    /// <summary>Whether any connection reads, even one that needs nothing of the log: such a one too keeps a checkpoint from ending.</summary>
    public static bool HasReaders(SqliteConnection connection) => SqliteNative.MainFile(connection.Handle!).IsWalLockHeld(FirstReadLock, Slots);

    /// <summary>A mark that nobody holds is left over from an earlier reader. Slot 0 is for those who need nothing of the log.</summary>
    private static List<long> HeldMarks(SqliteFile file, ReadOnlySpan<byte> index)
    {
        var marks = new List<long>();
        for (var slot = 1; slot < Slots; slot++)
        {
            if (file.IsWalLockHeld(FirstReadLock + slot, 1))
            {
                marks.Add(Number(index, MarksAt + (slot * sizeof(uint))));
            }
        }

        return marks;
    }

    private static long Number(ReadOnlySpan<byte> index, int offset) => MemoryMarshal.Read<uint>(index[offset..]);
}
