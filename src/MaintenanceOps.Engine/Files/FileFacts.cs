namespace MaintenanceOps.Engine.Files;

/// <summary>What kind of thing a path names.</summary>
internal enum EntryKind : byte
{
    File = (byte)'F',
    Folder = (byte)'D',
    Link = (byte)'L',

    /// <summary>A further name of a file that comes earlier in the listing.</summary>
    HardLink = (byte)'H',

    /// <summary>A device, pipe or socket: reported, not taken.</summary>
    Special = (byte)'S',
}

/// <summary>What the file system says about a path, without following a link.</summary>
/// <param name="Kind">File, folder, link or something special.</param>
/// <param name="Mode">The permission bits; -1 where the platform has none.</param>
/// <param name="User">The owner's number; -1 where the platform has none.</param>
/// <param name="Group">The group's number; -1 where the platform has none.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Modified">The last change of the content, in nanoseconds since 1970 UTC.</param>
/// <param name="Changed">The last change of content or metadata, which no program can set; zero where unknown.</param>
/// <param name="Inode">The number of the file on its volume; zero where unknown.</param>
/// <param name="Device">The volume.</param>
/// <param name="Links">How many names the file has.</param>
/// <param name="Blocks">The space it takes, in 512 bytes; -1 where unknown.</param>
internal readonly record struct FileFacts(
    EntryKind Kind, int Mode, long User, long Group, long Size, long Modified, long Changed, ulong Inode, ulong Device, long Links, long Blocks);
