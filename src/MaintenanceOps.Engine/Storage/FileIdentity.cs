using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Storage;

/// <summary>Which file a path leads to in the end: the volume, and the file's number there. Two names of one file have the same.</summary>
internal readonly unsafe partial record struct FileIdentity(ulong Device, ulong Inode)
{
    private const int AtCwd = -100;
    private const int StatxInode = 0x100;

    /// <summary>What the system knows already is enough: a server that does not answer must not hold up a look at other processes.</summary>
    private const int DoNotAskServers = 0x4000;

    private const int DoNotMount = 0x800;

    /// <summary>The identity of what is at a path, links followed; null where nothing is, or the system does not number files.</summary>
    /// <remarks>Nothing is opened. On Linux it also works for the entries of <c>/proc/…/fd</c>, whatever the file was called.</remarks>
    public static FileIdentity? Of(string path)
    {
        if (!OperatingSystem.IsLinux())
        {
            return TreeAccess.Current.Facts(path) is { Inode: not 0 } facts ? new FileIdentity(facts.Device, facts.Inode) : null;
        }

        Span<byte> stat = stackalloc byte[256];
        fixed (byte* buffer = stat)
        {
            if (Statx(AtCwd, path, DoNotAskServers | DoNotMount, StatxInode, buffer) != 0)
            {
                return null;
            }
        }

        return new FileIdentity(
            ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(stat[136..]) << 32) | BinaryPrimitives.ReadUInt32LittleEndian(stat[140..]),
            BinaryPrimitives.ReadUInt64LittleEndian(stat[32..]));
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, byte* buffer);
}
