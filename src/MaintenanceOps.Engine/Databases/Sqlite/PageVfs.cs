using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Pages of a database that lie somewhere else than in a file.</summary>
internal interface IPageSource
{
    /// <summary>The size in bytes.</summary>
    long Size { get; }

    /// <summary>Fills the buffer with bytes that are there; false where they cannot be trusted.</summary>
    bool TryRead(long offset, Span<byte> into);
}

/// <summary>
/// A file system for SQLite that has one kind of file: a database of pages that never change and can only be read.
/// Shapes from https://www.sqlite.org/c3ref/vfs.html and c3ref/io_methods.html.
/// </summary>
internal static unsafe partial class PageVfs
{
    private const int IoRead = 10 | (1 << 8);
    private const int IoShortRead = SqliteNative.ShortRead;
    private const int NotFound = 12;
    private const int MainDatabase = 0x100;

    /// <summary>A name of its own: the library may be shared with another copy of this engine in the same process.</summary>
    private static readonly string Name = $"mops-{Guid.NewGuid():N}";

    private static readonly ConcurrentDictionary<string, IPageSource> Sources = new();
    private static readonly SqliteNative.IoMethods* Methods = MakeMethods();
    private static readonly Lazy<bool> Registered = new(Register);

    /// <summary>Opens SQLite over the pages. The source is read by the thread that uses the connection.</summary>
    public static SqliteConnection Open(IPageSource source)
    {
        SqliteConnections.Initialize();
        _ = Registered.Value;
        var file = $"/{Guid.NewGuid():N}";
        Sources[file] = source;
        try
        {
            return SqliteConnections.OpenCaptured($"file:{file}?vfs={Name}");
        }
        finally
        {
            Sources.TryRemove(file, out _);
        }
    }

    private static bool Register()
    {
        var standard = (Vfs*)Find(0);
        var vfs = (Vfs*)NativeMemory.AllocZeroed((nuint)sizeof(Vfs));
        *vfs = new Vfs
        {
            Version = 1,
            FileSize = sizeof(PageFile),
            MaxPath = 512,
            Name = (byte*)Marshal.StringToCoTaskMemUTF8(Name),
            Open = (nint)(delegate* unmanaged[Cdecl]<Vfs*, byte*, PageFile*, int, int*, int>)&OpenFile,
            Delete = (nint)(delegate* unmanaged[Cdecl]<Vfs*, byte*, int, int>)&DeleteFile,
            Access = (nint)(delegate* unmanaged[Cdecl]<Vfs*, byte*, int, int*, int>)&HasAccess,
            FullPathname = (nint)(delegate* unmanaged[Cdecl]<Vfs*, byte*, int, byte*, int>)&FullPathname,
            DlOpen = standard->DlOpen,
            DlError = standard->DlError,
            DlSym = standard->DlSym,
            DlClose = standard->DlClose,
            Randomness = standard->Randomness,
            Sleep = standard->Sleep,
            CurrentTime = standard->CurrentTime,
            GetLastError = standard->GetLastError,
        };
        return RegisterVfs(vfs, 0) == SqliteNative.Ok ? true : throw new InvalidOperationException("SQLite takes no other file system.");
    }

    private static SqliteNative.IoMethods* MakeMethods()
    {
        var methods = (SqliteNative.IoMethods*)NativeMemory.AllocZeroed((nuint)sizeof(SqliteNative.IoMethods));
        methods->Version = 1;
        methods->Close = (delegate* unmanaged[Cdecl]<nint, int>)&CloseFile;
        methods->Read = (delegate* unmanaged[Cdecl]<nint, void*, int, long, int>)&ReadFile;
        methods->Write = (delegate* unmanaged[Cdecl]<nint, void*, int, long, int>)&WriteFile;
        methods->Truncate = (delegate* unmanaged[Cdecl]<nint, long, int>)&TruncateFile;
        methods->Sync = (delegate* unmanaged[Cdecl]<nint, int, int>)&Nothing;
        methods->FileSize = (delegate* unmanaged[Cdecl]<nint, long*, int>)&SizeOfFile;
        methods->Lock = (delegate* unmanaged[Cdecl]<nint, int, int>)&Nothing;
        methods->Unlock = (delegate* unmanaged[Cdecl]<nint, int, int>)&Nothing;
        methods->CheckReservedLock = (nint)(delegate* unmanaged[Cdecl]<nint, int*, int>)&IsReserved;
        methods->FileControl = (nint)(delegate* unmanaged[Cdecl]<nint, int, void*, int>)&Control;
        methods->SectorSize = (nint)(delegate* unmanaged[Cdecl]<nint, int>)&SectorSize;
        methods->DeviceCharacteristics = (nint)(delegate* unmanaged[Cdecl]<nint, int>)&Characteristics;
        return methods;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int OpenFile(Vfs* vfs, byte* name, PageFile* file, int flags, int* outFlags)
    {
        file->Methods = null;
        if (name is null || (flags & MainDatabase) == 0 || !Sources.TryGetValue(Text(name), out var source))
        {
            // Journals and temporary files: there is nowhere to put them, and a check needs none.
            return SqliteNative.CantOpen;
        }

        file->Source = GCHandle.ToIntPtr(GCHandle.Alloc(source));
        file->Methods = Methods;
        if (outFlags is not null)
        {
            *outFlags = flags;
        }

        return SqliteNative.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int CloseFile(nint file)
    {
        GCHandle.FromIntPtr(((PageFile*)file)->Source).Free();
        return SqliteNative.Ok;
    }

    /// <summary>No exception may pass through SQLite: what cannot be read is its error.</summary>
    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int ReadFile(nint file, void* into, int length, long offset)
    {
        try
        {
            var source = SourceOf(file);
            var wanted = new Span<byte>(into, length);
            var there = (int)Math.Clamp(source.Size - offset, 0, length);
            wanted[there..].Clear();
            if (!source.TryRead(offset, wanted[..there]))
            {
                return IoRead;
            }

            HideLog(offset, wanted);
            return there < length ? IoShortRead : SqliteNative.Ok;
        }
#pragma warning disable CA1031
        catch (Exception)
#pragma warning restore CA1031
        {
            return IoRead;
        }
    }

    /// <summary>
    /// The pages are whole without a log: the two bytes of the header that ask for one say that there is none. (Opened as
    /// immutable, SQLite would ignore them as well, and with them every check constraint.)
    /// </summary>
    private static void HideLog(long offset, Span<byte> bytes)
    {
        for (var at = 18; at <= 19; at++)
        {
            if (at >= offset && at < offset + bytes.Length && bytes[(int)(at - offset)] == 2)
            {
                bytes[(int)(at - offset)] = 1;
            }
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int WriteFile(nint file, void* from, int length, long offset) => SqliteNative.ReadOnly;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int TruncateFile(nint file, long size) => SqliteNative.ReadOnly;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Nothing(nint file, int flags) => SqliteNative.Ok;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SizeOfFile(nint file, long* size)
    {
        *size = SourceOf(file).Size;
        return SqliteNative.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int IsReserved(nint file, int* reserved)
    {
        *reserved = 0;
        return SqliteNative.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Control(nint file, int operation, void* argument) => NotFound;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int SectorSize(nint file) => 4096;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int Characteristics(nint file) => 0;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int DeleteFile(Vfs* vfs, byte* name, int sync) => SqliteNative.ReadOnly;

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int HasAccess(Vfs* vfs, byte* name, int flags, int* result)
    {
        *result = 0;
        return SqliteNative.Ok;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static int FullPathname(Vfs* vfs, byte* name, int length, byte* into)
    {
        var text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(name);
        if (text.Length >= length)
        {
            return SqliteNative.CantOpen;
        }

        text.CopyTo(new Span<byte>(into, length));
        into[text.Length] = 0;
        return SqliteNative.Ok;
    }

    private static IPageSource SourceOf(nint file) => (IPageSource)GCHandle.FromIntPtr(((PageFile*)file)->Source).Target!;

    private static string Text(byte* text) => Encoding.UTF8.GetString(MemoryMarshal.CreateReadOnlySpanFromNullTerminated(text));

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_find")]
    private static partial nint Find(nint name);

    [LibraryImport("e_sqlite3", EntryPoint = "sqlite3_vfs_register")]
    private static partial int RegisterVfs(Vfs* vfs, int asStandard);

    [StructLayout(LayoutKind.Sequential)]
    private struct PageFile
    {
        public SqliteNative.IoMethods* Methods;
        public nint Source;
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Vfs
    {
        public int Version;
        public int FileSize;
        public int MaxPath;
        public nint Next;
        public byte* Name;
        public nint AppData;
        public nint Open;
        public nint Delete;
        public nint Access;
        public nint FullPathname;
        public nint DlOpen;
        public nint DlError;
        public nint DlSym;
        public nint DlClose;
        public nint Randomness;
        public nint Sleep;
        public nint CurrentTime;
        public nint GetLastError;
    }
}
