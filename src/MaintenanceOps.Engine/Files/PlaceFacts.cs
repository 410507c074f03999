namespace MaintenanceOps.Engine.Files;

/// <summary>What stands at a name in a folder that is being written, as far as a restore has to know it.</summary>
/// <param name="Kind">File, folder, link or something special.</param>
/// <param name="Mode">The permission bits; -1 where the platform has none.</param>
/// <param name="User">The owner's number; -1 where the platform has none.</param>
/// <param name="Links">How many names it has.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Volume">Where it lies.</param>
/// <param name="Inode">Its number on the volume; zero where unknown.</param>
internal readonly record struct PlaceFacts(EntryKind Kind, int Mode, long User, long Links, long Size, Volume Volume, ulong Inode)
{
    /// <summary>Whether both are the same file or folder, seen through the same mount.</summary>
    public bool IsSameAs(PlaceFacts other) => Volume == other.Volume && Inode == other.Inode;
}

/// <summary>
/// What a rename cannot leave: a device, and the mount through which it is seen, since one device can be mounted at
/// several places.
/// </summary>
/// <param name="Device">The device; zero where unknown.</param>
/// <param name="Mount">The mount; zero where the system does not tell.</param>
internal readonly record struct Volume(ulong Device, ulong Mount);
