using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>The facts that a database's header and its files tell, read at one moment.</summary>
internal sealed record DatabaseFile
{
    private const int Incremental = 2;

    public required string Path { get; init; }

    public required int PageSize { get; init; }

    public required long Pages { get; init; }

    public required long FreePages { get; init; }

    public required int AutoVacuum { get; init; }

    public required string JournalMode { get; init; }

    /// <summary>The log; null where the database has none.</summary>
    public WalIndex? Log { get; init; }

    /// <summary>The length of the log's file, which stays at its peak until a checkpoint cuts it off.</summary>
    public required long LogLength { get; init; }

    /// <summary>The size that the database has when its log is moved into it.</summary>
    public long Size => Pages * PageSize;

    public long FreeBytes => FreePages * PageSize;

    public double FreeShare => Pages == 0 ? 0 : (double)FreePages / Pages;

    public bool IsWal => JournalMode == "wal";

    public bool IsIncremental => AutoVacuum == Incremental;

    /// <summary>
    /// What a VACUUM needs beside the file: a copy of what is in use and, until the end, that copy once more in the log,
    /// or the old pages in the rollback journal.
    /// </summary>
    public long VacuumSpace => Size - FreeBytes + (IsWal ? Size - FreeBytes : Size);

    /// <summary>Reads the facts in one read transaction of the connection, which it leaves again.</summary>
    public static DatabaseFile Read(SqliteConnection connection, string path, LockTurns turns)
    {
        var file = turns.Reading(connection, () => new DatabaseFile
        {
            Path = path,
            PageSize = connection.Scalar<int>("PRAGMA page_size"),
            Pages = connection.Scalar<long>("PRAGMA page_count"),
            FreePages = connection.Scalar<long>("PRAGMA freelist_count"),
            AutoVacuum = connection.Scalar<int>("PRAGMA auto_vacuum"),
            JournalMode = connection.Scalar<string>("PRAGMA journal_mode"),
            LogLength = Length(path + "-wal"),
        });
        return file.IsWal ? file with { Log = WalIndex.Read(connection) } : file;
    }

    /// <summary>The bytes of the file and its log now.</summary>
    public static long LengthWithLog(string path) => Length(path) + Length(path + "-wal");

    /// <summary>A length is asked of the folder: nothing is opened.</summary>
    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;
}
