using System.Runtime.InteropServices;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// How far into the write-ahead log a read transaction sees. SQLite hands it out as a <c>sqlite3_snapshot</c>, which is
/// the header of the WAL index (https://www.sqlite.org/walformat.html#the_wal_index_header). Were the layout another one
/// some day, the checksum would not fit the log and the backup would be refused, not wrong.
/// </summary>
/// <param name="Frames">The number of frames that the reader sees.</param>
/// <param name="Pages">The size of the database in pages, as the reader sees it.</param>
/// <param name="Salts">The salts of the log that they are in.</param>
/// <param name="Checksum">The running checksum after the last of them.</param>
internal sealed record ReadMark(int Frames, int Pages, byte[] Salts, (uint First, uint Second) Checksum)
{
    private const int SnapshotSize = 48;

    /// <summary>The mark of the running read transaction; null where the log was never written.</summary>
    public static ReadMark? Of(sqlite3 connection)
    {
        if (raw.sqlite3_snapshot_get(connection, "main", out var snapshot) != SqliteNative.Ok)
        {
            return null;
        }

        using (snapshot)
        {
            var bytes = new byte[SnapshotSize];
            Marshal.Copy(snapshot.DangerousGetHandle(), bytes, 0, bytes.Length);
            return new ReadMark(
                (int)MemoryMarshal.Read<uint>(bytes.AsSpan(16)),
                (int)MemoryMarshal.Read<uint>(bytes.AsSpan(20)),
                bytes[32..40],
                (MemoryMarshal.Read<uint>(bytes.AsSpan(24)), MemoryMarshal.Read<uint>(bytes.AsSpan(28))));
        }
    }
}
