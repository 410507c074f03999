namespace MaintenanceOps.Engine.Storage;

/// <summary>Looks at the free space of a volume before a write begins.</summary>
internal static class FreeSpace
{
    /// <summary>Kept free beside what is written, so that the volume does not fill to the last byte; less on a small one.</summary>
    private const long MaxSlack = 16 * 1024 * 1024;

    /// <summary>The part of a small volume that is kept free.</summary>
    private const int SlackPart = 20;

    /// <summary>Throws where the volume of the path has less free than is needed.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DiskFull"/>.</exception>
    public static void Require(string path, long bytes)
    {
        // Where the system does not tell, the write itself will.
        if (bytes > 0 && VolumeOf(path) is { } volume && volume.Free is var free && free < bytes + Math.Min(MaxSlack, volume.Size / SlackPart))
        {
            throw new MaintenanceException(
                ErrorCode.DiskFull,
                $"The volume of '{path}' has {ByteSize.Format(free)} free and {ByteSize.Format(bytes)} are needed. Nothing was written.",
                path);
        }
    }

    /// <summary>What is free on the volume of the path; null where the system does not tell.</summary>
    public static long? Of(string path) => VolumeOf(path)?.Free;

    private static (long Free, long Size)? VolumeOf(string path)
    {
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
        {
            existing = parent;
        }

        try
        {
            var drive = new DriveInfo(existing);
            return (drive.AvailableFreeSpace, drive.TotalSize);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
