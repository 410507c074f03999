namespace MaintenanceOps.Engine.Files;

/// <summary>What the file system says about a path, without following a link.</summary>
/// <param name="Kind">File, folder, link or something special.</param>
/// <param name="Mode">The permission bits; -1 where the platform has none.</param>
/// <param name="User">The owner's number; -1 where the platform has none.</param>
/// <param name="Group">The group's number; -1 where the platform has none.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Modified">The last change of the content.</param>
/// <param name="Changed">The last change of content or metadata, which no program can set; zero where unknown.</param>
/// <param name="Inode">The number of the file on its volume; zero where unknown.</param>
/// <param name="Device">The volume.</param>
/// <param name="Links">How many names the file has.</param>
/// <param name="Blocks">The space it takes, in 512 bytes; -1 where unknown.</param>
internal readonly record struct FileFacts(
    EntryKind Kind, int Mode, long User, long Group, long Size, FileTime Modified, FileTime Changed, ulong Inode, ulong Device, long Links, long Blocks)
{
    /// <summary>When the file was made; null where the file system does not say.</summary>
    public FileTime? Born { get; init; }

    /// <summary>Of a device node, the number of the device as mknod(2) takes it.</summary>
    public long DeviceNumber { get; init; }
}
