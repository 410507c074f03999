using System.Runtime.InteropServices;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// The parts of SQLite's C interface that no managed library offers: the files that a connection has open, and the
/// methods to read through them. Shapes from https://www.sqlite.org/c3ref/io_methods.html and c3ref/file_control.html.
/// </summary>
internal static unsafe partial class SqliteNative
{
    public const int Ok = 0;
    public const int Error = 1;
    public const int Busy = 5;
    public const int Locked = 6;
    public const int Interrupt = 9;
    public const int InputOutput = 10;
    public const int Corrupt = 11;
    public const int Full = 13;
    public const int CantOpen = 14;
    public const int NotADatabase = 26;
    public const int ReadOnly = 8;
    public const int ShortRead = 522;
    public const int Protocol = 15;
    public const int Authorization = 23;
    private const int FilePointer = 7;
    private const int Moved = 20;
    private const int JournalPointer = 28;

    /// <summary>Whether somebody else's lock is in the way.</summary>
    public static bool IsLock(SqliteException e) => e.SqliteErrorCode is Busy or Locked or Protocol;

    /// <summary>The database file of a connection, as SQLite itself opened it.</summary>
    public static SqliteFile MainFile(sqlite3 connection) => Control(connection, FilePointer);

    /// <summary>The write-ahead log of a connection in WAL mode, else its rollback journal; may be closed.</summary>
    public static SqliteFile JournalFile(sqlite3 connection) => Control(connection, JournalPointer);

    /// <summary>Whether the path leads to another file by now than the one that the connection has open, or to none.</summary>
    public static bool HasMoved(sqlite3 connection)
    {
        var moved = 0;
        return FileControl(connection.DangerousGetHandle(), "main", Moved, &moved) == Ok && moved != 0;
    }

    /// <summary>Takes away every kind of virtual table that the connection knows.</summary>
    public static void DropModules(sqlite3 connection) => _ = DropModules(connection.DangerousGetHandle(), null);

    private static SqliteFile Control(sqlite3 connection, int operation)
    {
        nint file = 0;
        var result = FileControl(connection.DangerousGetHandle(), "main", operation, &file);
        return result == Ok ? new SqliteFile(file) : default;
    }

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_file_control", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int FileControl(nint connection, string database, int operation, void* argument);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_drop_modules")]
    private static partial int DropModules(nint connection, byte** keep);

    [StructLayout(LayoutKind.Sequential)]
    internal struct IoMethods
    {
        public int Version;
        public delegate* unmanaged[Cdecl]<nint, int> Close;
        public delegate* unmanaged[Cdecl]<nint, void*, int, long, int> Read;
        public delegate* unmanaged[Cdecl]<nint, void*, int, long, int> Write;
        public delegate* unmanaged[Cdecl]<nint, long, int> Truncate;
        public delegate* unmanaged[Cdecl]<nint, int, int> Sync;
        public delegate* unmanaged[Cdecl]<nint, long*, int> FileSize;
        public delegate* unmanaged[Cdecl]<nint, int, int> Lock;
        public delegate* unmanaged[Cdecl]<nint, int, int> Unlock;
        public nint CheckReservedLock;
        public nint FileControl;
        public nint SectorSize;
        public nint DeviceCharacteristics;
        public delegate* unmanaged[Cdecl]<nint, int, int, int, void**, int> ShmMap;
        public delegate* unmanaged[Cdecl]<nint, int, int, int, int> ShmLock;
        public nint ShmBarrier;
        public nint ShmUnmap;
        public nint Fetch;
        public nint Unfetch;
    }
}

/// <summary>
/// A file that belongs to a SQLite connection. Reading through it neither opens nor closes anything: on POSIX systems a
/// close of another handle to the same file would drop the connection's locks.
/// </summary>
internal readonly unsafe struct SqliteFile(nint file)
{
    private const int IndexRegion = 32768;
    private const int ShmLockExclusive = 2 | 8;
    private const int ShmUnlockExclusive = 1 | 8;

    /// <summary>Whether there is a file at all: a log that was never written has none.</summary>
    public bool IsOpen => file != 0 && *(nint*)file != 0;

    /// <summary>Where the file keeps the address of its methods.</summary>
    public nint* MethodsAt => (nint*)file;

    public long Size
    {
        get
        {
            long size = 0;
            return Methods->FileSize(file, &size) == SqliteNative.Ok ? size : throw Failed("find the size of");
        }
    }

    /// <summary>Fills the buffer from an offset; what lies past the end comes back as zeros.</summary>
    /// <returns>False where the file ended before the buffer was full.</returns>
    public bool Read(Span<byte> into, long offset)
    {
        fixed (byte* bytes = into)
        {
            var result = Methods->Read(file, bytes, into.Length, offset);
            return result switch
            {
                SqliteNative.Ok => true,
                SqliteNative.ShortRead => false,
                _ => throw Failed("read", result),
            };
        }
    }

    /// <summary>
    /// Copies the beginning of the WAL index, which the connection has mapped since its first read in WAL mode: nothing is
    /// opened for it. False where there is none.
    /// </summary>
    public bool TryReadWalIndex(Span<byte> into)
    {
        void* region = null;
        if (!HasWalIndex || Methods->ShmMap(file, 0, IndexRegion, 0, &region) != SqliteNative.Ok || region is null)
        {
            return false;
        }

        new ReadOnlySpan<byte>(region, into.Length).CopyTo(into);
        return true;
    }

    /// <summary>
    /// Whether a connection holds one of the WAL index's locks: it is taken and given back at once, as a checkpoint does
    /// to learn the same. This connection must not hold it itself.
    /// </summary>
    public bool IsWalLockHeld(int first, int count)
    {
        if (!HasWalIndex)
        {
            return false;
        }

        var result = Methods->ShmLock(file, first, count, ShmLockExclusive);
        if (result == SqliteNative.Ok)
        {
            _ = Methods->ShmLock(file, first, count, ShmUnlockExclusive);
        }

        return result == SqliteNative.Busy;
    }

    /// <summary>
    /// Whether another connection, by whatever name it reached the file, holds a lock on it that it shares with others: the
    /// exclusive one is taken and given back at once. This connection must hold none itself.
    /// </summary>
    public bool IsSharedWithOthers()
    {
        const int none = 0, shared = 1, exclusive = 4;
        var isShared = Methods->Lock(file, shared) == SqliteNative.Ok && Methods->Lock(file, exclusive) == SqliteNative.Busy;
        _ = Methods->Unlock(file, none);
        return isShared;
    }

    /// <summary>The first version of the methods knows no shared memory.</summary>
    private bool HasWalIndex => IsOpen && Methods->Version >= 2;

    private SqliteNative.IoMethods* Methods => *(SqliteNative.IoMethods**)file;

    private static MaintenanceException Failed(string doing, int result = SqliteNative.InputOutput) =>
        new(ErrorCode.InputOutput, $"SQLite could not {doing} the database file (result {result}).");
}
