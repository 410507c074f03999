using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Linux's own calls with names as bytes: .NET's file API cannot express names that are no UTF-8, owners, inodes or
/// holes. Shapes from statx(2), readdir(3) and lseek(2); they are the same on every architecture.
/// </summary>
internal sealed unsafe partial class LinuxTreeAccess : TreeAccess
{
    private const int AtCwd = -100;
    private const int NoFollow = 0x100;
    private const int EmptyPath = 0x1000;
    private const uint StatxType = 1;

    /// <summary>All basic facts, and the time of birth.</summary>
    private const int StatxWanted = 0xfff;
    private const uint StatxBorn = 0x800;
    private const int NotFound = 2;
    private const int NotAFolder = 20;
    private const int OpenReadOnly = 0;
    private const int OpenCloseOnExec = 0x80000;
    private const int OpenNonBlocking = 0x800;
    private static readonly int OpenNoFollow = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x8000 : 0x20000;
    private static readonly int OpenOnlyFolder = RuntimeInformation.ProcessArchitecture is Architecture.Arm64 or Architecture.Arm ? 0x4000 : 0x10000;
    private const int SeekData = 3;
    private const int SeekHole = 4;
    private const int NoSuchData = 6;
    private const int NameOffset = 19;

    public override FileFacts? Facts(string path)
    {
        Span<byte> stat = stackalloc byte[256];
        fixed (byte* name = Name(path))
        fixed (byte* buffer = stat)
        {
            if (Statx(AtCwd, name, NoFollow, StatxWanted, buffer) != 0)
            {
                return Marshal.GetLastPInvokeError() is NotFound or NotAFolder ? null : throw Failed("look at", path);
            }
        }

        var mode = BinaryPrimitives.ReadUInt16LittleEndian(stat[28..]);
        var kind = KindOf(mode);
        return new FileFacts(
            kind,
            mode & 0xfff,
            BinaryPrimitives.ReadUInt32LittleEndian(stat[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(stat[24..]),
            BinaryPrimitives.ReadInt64LittleEndian(stat[40..]),
            Time(stat[112..]),
            Time(stat[96..]),
            BinaryPrimitives.ReadUInt64LittleEndian(stat[32..]),
            ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(stat[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(stat[140..]),
            BinaryPrimitives.ReadUInt32LittleEndian(stat[16..]),
            BinaryPrimitives.ReadInt64LittleEndian(stat[48..]))
        {
            Born = (BinaryPrimitives.ReadUInt32LittleEndian(stat) & StatxBorn) != 0 ? Time(stat[80..]) : null,
            DeviceNumber = kind is EntryKind.CharacterDevice or EntryKind.BlockDevice
                ? DeviceNumbers.Of(BinaryPrimitives.ReadUInt32LittleEndian(stat[128..]), BinaryPrimitives.ReadUInt32LittleEndian(stat[132..]))
                : 0,
        };
    }

    private static EntryKind KindOf(ushort mode) => (mode & 0xf000) switch
    {
        0x8000 => EntryKind.File,
        0x4000 => EntryKind.Folder,
        0xa000 => EntryKind.Link,
        0x1000 => EntryKind.Fifo,
        0x2000 => EntryKind.CharacterDevice,
        0x6000 => EntryKind.BlockDevice,
        _ => EntryKind.Socket,
    };

    public override string? MadeUpBy(string path)
    {
        var facts = stackalloc nint[32];
        fixed (byte* name = Name(path))
        {
            return StatFs(name, facts) != 0 ? null : KernelFileSystems.NameOf((uint)facts[0]);
        }
    }

    public override IReadOnlyList<string> Names(string folder)
    {
        // Opened without following a link: somebody may just have put one in the folder's place.
        nint stream;
        using (var handle = Open(folder, OpenReadOnly | OpenOnlyFolder | OpenNoFollow, 0))
        {
            stream = FdOpenDir((int)handle.DangerousGetHandle());
            if (stream == 0)
            {
                throw Failed("list", folder);
            }

            // Closing the stream closes the descriptor.
            handle.SetHandleAsInvalid();
        }

        try
        {
            var names = new List<string>();
            while (true)
            {
                Marshal.SetLastSystemError(0);
                var entry = ReadDir(stream);
                if (entry is null)
                {
                    return Marshal.GetLastPInvokeError() == 0 ? names : throw Failed("list", folder);
                }

                var name = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(entry + NameOffset);
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

    public override string ReadLink(string path)
    {
        var buffer = new byte[4096];
        fixed (byte* name = Name(path))
        fixed (byte* into = buffer)
        {
            var length = ReadLink(name, into, buffer.Length);
            return length >= 0 ? PathCodec.Decode(buffer.AsSpan(0, (int)length)) : throw Failed("read the link", path);
        }
    }

    public override IReadOnlyList<ExtendedAttribute> Attributes(string path, Action<string, string> unread) => LinuxAttributes.Read(Name(path), unread);

    /// <summary>Opening what became a pipe or a device meanwhile does not block, and it is not read.</summary>
    public override SafeFileHandle OpenRead(string path)
    {
        var file = Open(path, OpenReadOnly | OpenNoFollow | OpenNonBlocking, 0);
        try
        {
            Span<byte> stat = stackalloc byte[256];
            byte nothing = 0;
            fixed (byte* buffer = stat)
            {
                if (Statx((int)file.DangerousGetHandle(), &nothing, EmptyPath, StatxType, buffer) != 0)
                {
                    throw Failed("look at", path);
                }
            }

            return KindOf(BinaryPrimitives.ReadUInt16LittleEndian(stat[28..])) == EntryKind.File
                ? file
                : throw new IOException($"Cannot read '{PathCodec.Display(path)}': it is no regular file any more.");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public override FolderHandle OpenFolder(string path) => LinuxFolder.Open(path);

    public override (long Start, long End)? NextData(SafeFileHandle file, long offset, long size)
    {
        var start = LSeek(file, offset, SeekData);
        if (start < 0)
        {
            return Marshal.GetLastPInvokeError() == NoSuchData ? null : (offset, size);
        }

        var end = LSeek(file, start, SeekHole);
        return (start, end < 0 ? size : end);
    }

    private SafeFileHandle Open(string path, int flags, int mode)
    {
        fixed (byte* name = Name(path))
        {
            var descriptor = Open(name, flags | OpenCloseOnExec, mode);
            return descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failed("open", path);
        }
    }

    private static byte[] Name(string path) => [.. PathCodec.Encode(path), 0];

    private static FileTime Time(ReadOnlySpan<byte> stamp) =>
        new(BinaryPrimitives.ReadInt64LittleEndian(stamp), BinaryPrimitives.ReadInt32LittleEndian(stamp[8..]));

    private static Exception Failed(string doing, string path)
    {
        var error = Marshal.GetLastPInvokeError();
        var message = $"Cannot {doing} '{PathCodec.Display(path)}': {Marshal.GetPInvokeErrorMessage(error)}";
        return error switch
        {
            1 or 13 or 30 => new UnauthorizedAccessException(message),
            NotFound or NotAFolder => new FileNotFoundException(message),
            _ => new IOException(message, error),
        };
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(int folder, byte* path, int flags, uint mask, byte* buffer);

    [LibraryImport("libc", EntryPoint = "statfs", SetLastError = true)]
    private static partial int StatFs(byte* path, nint* facts);

    [LibraryImport("libc", EntryPoint = "fdopendir", SetLastError = true)]
    private static partial nint FdOpenDir(int descriptor);

    [LibraryImport("libc", EntryPoint = "readdir", SetLastError = true)]
    private static partial byte* ReadDir(nint stream);

    [LibraryImport("libc", EntryPoint = "closedir")]
    private static partial int CloseDir(nint stream);

    [LibraryImport("libc", EntryPoint = "readlink", SetLastError = true)]
    private static partial nint ReadLink(byte* path, byte* buffer, nint size);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte* path, int flags, int mode);

    [LibraryImport("libc", EntryPoint = "lseek", SetLastError = true)]
    private static partial long LSeek(SafeFileHandle file, long offset, int whence);
}
