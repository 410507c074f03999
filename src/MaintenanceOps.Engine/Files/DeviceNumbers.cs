namespace MaintenanceOps.Engine.Files;

/// <summary>The number of a device as Linux's C library packs it: makedev(3).</summary>
internal static class DeviceNumbers
{
    /// <exception cref="InvalidDataException">A part has more than 32 bits.</exception>
    public static long Of(long major, long minor) => major is >= 0 and <= uint.MaxValue && minor is >= 0 and <= uint.MaxValue
        ? ((major & 0xfffff000) << 32) | ((major & 0xfff) << 8) | ((minor & 0xffffff00) << 12) | (minor & 0xff)
        : throw new InvalidDataException($"There is no device {major}:{minor}.");

    public static long Major(long device) => ((device >> 32) & 0xfffff000) | ((device >> 8) & 0xfff);

    public static long Minor(long device) => ((device >> 12) & 0xffffff00) | (device & 0xff);
}
