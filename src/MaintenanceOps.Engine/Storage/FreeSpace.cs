namespace MaintenanceOps.Engine.Storage;

/// <summary>Looks at the free space of a volume before a write begins.</summary>
internal static class FreeSpace
{
    /// <summary>Kept free beside what is written, so that the volume does not fill to the last byte.</summary>
    private const long Slack = 16 * 1024 * 1024;

    /// <summary>Throws where the volume of the path has less free than is needed.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DiskFull"/>.</exception>
    public static void Require(string path, long bytes)
    {
        // Where the system does not tell, the write itself will.
        if (Of(path) is { } free && free < bytes + Slack)
        {
            throw new MaintenanceException(
                ErrorCode.DiskFull,
                $"The volume of '{path}' has {ByteSize.Format(free)} free and {ByteSize.Format(bytes)} are needed. Nothing was written.",
                path);
        }
    }

    /// <summary>What is free on the volume of the path; null where the system does not tell.</summary>
    public static long? Of(string path)
    {
        var existing = Path.GetFullPath(path);
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } parent)
        {
            existing = parent;
        }

        try
        {
            return new DriveInfo(existing).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
