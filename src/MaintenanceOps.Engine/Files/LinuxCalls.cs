using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Linux's calls that work below an open folder. Shapes and numbers from statx(2), renameat2(2) and mknod(2); those of the open
/// flags differ between processors.
/// </summary>
internal static unsafe partial class LinuxCalls
{
    public const int AtCurrent = -100;
    public const int LinkItself = 0x100;
    public const int EmptyPath = 0x1000;
    public const int RemoveFolder = 0x200;
    public const uint NoReplace = 1;
    public const uint Exchange = 2;

    public const int ReadOnly = 0;
    public const int ReadWrite = 2;
    public const int Create = 0x40;
    public const int Exclusive = 0x80;
    public const int NonBlocking = 0x800;
    public const int CloseOnExec = 0x80000;
    public const int PathOnly = 0x200000;
    public static readonly int NoFollow = IsArm ? 0x8000 : 0x20000;
    public static readonly int Directory = IsArm ? 0x4000 : 0x10000;

    public const int NotPermitted = 1;
    public const int NotFound = 2;
    public const int NotAllowed = 13;
    public const int Busy = 16;
    public const int Exists = 17;
    public const int OtherVolume = 18;
    public const int NotAFolder = 20;
    public const int Invalid = 22;
    public const int TooManyOpen = 24;
    public const int TooManyLinks = 31;
    public const int NoSuchCall = 38;
    public const int Loop = 40;
    public const int NotSupported = 95;

    private const uint BasicFacts = 0x7ff;
    private const uint MountId = 0x1000;

    private static bool IsArm => RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm;

    public static byte[] Name(string name) => [.. PathCodec.Encode(name), 0];

    /// <summary>What stands at a name in a folder, or the folder itself where the name is empty; null where there is nothing.</summary>
    public static PlaceFacts? Stat(SafeFileHandle folder, string name, string path)
    {
        Span<byte> stat = stackalloc byte[256];
        return TryStat(folder, name, stat) ? Facts(stat)
            : Marshal.GetLastPInvokeError() is NotFound or NotAFolder ? null
            : throw Failed("look at", path);
    }

    /// <summary>The time of the last change of a name in a folder, or of the open file itself where the name is empty; null where it cannot be told.</summary>
    public static FileTime? ModifiedOf(SafeFileHandle folder, string name)
    {
        Span<byte> stat = stackalloc byte[256];
        return TryStat(folder, name, stat)
            ? new FileTime(BinaryPrimitives.ReadInt64LittleEndian(stat[112..]), BinaryPrimitives.ReadInt32LittleEndian(stat[120..]))
            : null;
    }

    private static bool TryStat(SafeFileHandle folder, string name, Span<byte> stat)
    {
        fixed (byte* encoded = Name(name))
        fixed (byte* into = stat)
        {
            return Statx(folder, encoded, LinkItself | EmptyPath, BasicFacts | MountId, into) == 0;
        }
    }

    private static PlaceFacts Facts(ReadOnlySpan<byte> stat)
    {
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(stat[28..]);
        var device = ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(stat[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(stat[140..]);
        // Before Linux 5.8 the mount is not told.
        var mount = (BinaryPrimitives.ReadUInt32LittleEndian(stat) & MountId) == 0 ? 0 : BinaryPrimitives.ReadUInt64LittleEndian(stat[144..]);
        return new PlaceFacts(
            KindOf(mode),
            mode & 0xfff,
            BinaryPrimitives.ReadUInt32LittleEndian(stat[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(stat[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(stat[40..]),
            new Volume(device, mount),
            BinaryPrimitives.ReadUInt64LittleEndian(stat[32..]));
    }

    private static EntryKind KindOf(int mode) => (mode & 0xf000) switch
    {
        0x8000 => EntryKind.File,
        0x4000 => EntryKind.Folder,
        0xa000 => EntryKind.Link,
        0x1000 => EntryKind.Fifo,
        0x2000 => EntryKind.CharacterDevice,
        0x6000 => EntryKind.BlockDevice,
        _ => EntryKind.Socket,
    };

    public static IReadOnlyList<string> ReadNames(nint stream, string path)
    {
        const int nameOffset = 19;
        try
        {
            var names = new List<string>();
            while (true)
            {
                Marshal.SetLastSystemError(0);
                var entry = ReadDir(stream);
                if (entry is null)
                {
                    return Marshal.GetLastPInvokeError() == 0 ? names : throw Failed("list", path);
                }

                var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + nameOffset);
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8))
                {
                    names.Add(PathCodec.Decode(name));
                }
            }
        }
        finally
        {
            _ = CloseDir(stream);
        }
    }

    /// <summary>Makes a named pipe, a socket or a device with no permissions but the owner's.</summary>
    public static int MakeNode(SafeFileHandle folder, byte* name, FileEntry entry)
    {
        const uint ownerOnly = 0x180;
        var format = entry.Kind switch
        {
            EntryKind.Fifo => 0x1000u,
            EntryKind.CharacterDevice => 0x2000u,
            EntryKind.BlockDevice => 0x6000u,
            _ => 0xc000u,
        };

        // The C library has had mknodat as a function only since its version 2.33, so the kernel is called by number.
        var call = RuntimeInformation.ProcessArchitecture switch { Architecture.X64 => 259, Architecture.Arm => 324, _ => 33 };
        return (int)SystemCall(call, folder, name, (nint)(format | ownerOnly), (nint)entry.DeviceNumber);
    }

    /// <returns>0 where it was done, -1 where it failed, null where the system or the file system does not know the way.</returns>
    public static int? TryRenameAt(SafeFileHandle from, byte* name, SafeFileHandle to, byte* newName, uint how)
    {
        try
        {
            var result = RenameAt2(from, name, to, newName, how);
            return result != 0 && Marshal.GetLastPInvokeError() is Invalid or NoSuchCall or NotSupported ? null : result;
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
    }

    public static Exception Failed(string doing, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        var message = $"Cannot {doing} '{PathCodec.Display(path)}': {Marshal.GetPInvokeErrorMessage(error)}";
        return error switch
        {
            NotPermitted or NotAllowed or 30 => new UnauthorizedAccessException(message),
            NotFound => new FileNotFoundException(message),
            _ => new IOException(message, error),
        };
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(SafeFileHandle folder, byte* path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(SafeFileHandle folder, byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "openat", SetLastError = true)]
    public static partial int OpenAt(int folder, byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    public static partial nint OpenStream(int descriptor);

    [LibraryImport("libc", EntryPoint = "readdir", SetLastError = true)]
    private static partial byte* ReadDir(nint stream);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseDir(nint stream);

    [LibraryImport("libc", EntryPoint = "readlinkat", SetLastError = true)]
    public static partial nint ReadLinkAt(SafeFileHandle folder, byte* path, byte* buffer, nint size);

    [LibraryImport("libc", EntryPoint = "mkdirat", SetLastError = true)]
    public static partial int MakeFolderAt(SafeFileHandle folder, byte* path, uint mode);

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint SystemCall(nint number, SafeFileHandle folder, byte* path, nint mode, nint device);

    [LibraryImport("libc", EntryPoint = "symlinkat", SetLastError = true)]
    public static partial int MakeLinkAt(byte* target, SafeFileHandle folder, byte* path);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true)]
    public static partial int LinkAt(SafeFileHandle from, byte* existing, SafeFileHandle to, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "renameat", SetLastError = true)]
    public static partial int RenameAt(SafeFileHandle from, byte* name, SafeFileHandle to, byte* newName);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true)]
    private static partial int RenameAt2(SafeFileHandle from, byte* name, SafeFileHandle to, byte* newName, uint flags);

    [LibraryImport("libc", EntryPoint = "unlinkat", SetLastError = true)]
    public static partial int UnlinkAt(SafeFileHandle folder, byte* path, int flags);

    [LibraryImport("libc", EntryPoint = "fcntl", SetLastError = true)]
    public static partial int Control(SafeFileHandle file, int command, nint argument);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    public static partial int FSync(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    public static partial int SyncFs(SafeFileHandle file);
}
