using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// The kernel's lock on a local store's folder: shared by all who work in it, or held by one alone. It dies with its process
/// and needs no clock. It is taken only on file systems of this machine, since a network file system may keep it from others.
/// </summary>
internal static partial class WorkLock
{
    private static readonly HashSet<string> LocalFormats = new(StringComparer.OrdinalIgnoreCase)
    {
        "ext2", "ext3", "ext4", "ext2/ext3", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "overlayfs", "f2fs", "bcachefs", "jfs", "reiserfs", "apfs", "hfs", "ramfs",
    };

    /// <summary>Takes the lock without waiting; null where somebody stands in the way or the file system is not known to be local.</summary>
    public static IDisposable? TryTake(string folder, bool alone)
    {
        if (OperatingSystem.IsWindows() || !IsLocal(folder))
        {
            return null;
        }

        var descriptor = Open(folder, CloseOnExec);
        if (descriptor < 0)
        {
            return null;
        }

        var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        if (FLock(handle, (alone ? Exclusive : Shared) | NoWait) == 0)
        {
            return handle;
        }

        handle.Dispose();
        return null;
    }

    private static bool IsLocal(string folder)
    {
        try
        {
            return LocalFormats.Contains(new DriveInfo(folder).DriveFormat);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return false;
        }
    }

    private const int Shared = 1;
    private const int Exclusive = 2;
    private const int NoWait = 4;
    private static readonly int CloseOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "flock", SetLastError = true)]
    private static partial int FLock(SafeFileHandle file, int operation);
}
