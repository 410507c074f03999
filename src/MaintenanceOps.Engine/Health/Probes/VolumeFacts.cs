using System.Runtime.InteropServices;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>What the operating system says of a volume.</summary>
internal sealed partial record VolumeFacts(long Size, long Free, long Inodes, long InodesFree, bool IsReadOnly)
{
    private const int ReadOnlyFlag = 1;

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/>, or it cannot be asked.</exception>
    public static VolumeFacts Of(string path)
    {
        if (!Path.Exists(path))
        {
            throw new MaintenanceException(ErrorCode.PathNotFound, $"There is nothing at '{path}'. Is its disk mounted?", path);
        }

        // The structure is that of 64-bit Linux, with glibc and musl alike; elsewhere there are no inodes to count.
        if (OperatingSystem.IsLinux() && Environment.Is64BitProcess && StatVfs(path, out var volume) == 0)
        {
            var block = (long)volume.FragmentSize;
            return new((long)volume.Blocks * block, (long)volume.BlocksAvailable * block, (long)volume.Files, (long)volume.FilesAvailable, (volume.Flags & ReadOnlyFlag) != 0);
        }

        try
        {
            var drive = new DriveInfo(path);
            return new(drive.TotalSize, drive.AvailableFreeSpace, 0, 0, false);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "look at", path);
        }
    }

    [LibraryImport("libc", EntryPoint = "statvfs", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int StatVfs(string path, out Volume volume);

    [StructLayout(LayoutKind.Sequential)]
    private unsafe struct Volume
    {
        public ulong BlockSize;
        public ulong FragmentSize;
        public ulong Blocks;
        public ulong BlocksFree;
        public ulong BlocksAvailable;
        public ulong Files;
        public ulong FilesFree;
        public ulong FilesAvailable;
        public ulong FileSystem;
        public ulong Flags;
        public ulong LongestName;
        public fixed int Spare[16];
    }
}
