namespace MaintenanceOps.Engine.Storage;

/// <summary>How large an object of a kind can be that is read whole. What is larger was not written by this program, and memory is not given to it.</summary>
internal static class ObjectLimits
{
    private const long Small = 1024 * 1024;
    private const long Record = 256L * 1024 * 1024;

    /// <summary>A map has at most 2^30 bytes of content, and a seal around it.</summary>
    private const long Largest = (1L << 30) + Small;

    public static long Of(string name) => name.Split('/')[0] switch
    {
        "leases" when !name.StartsWith(Snapshots.Format.Manifest.PendingPrefix, StringComparison.Ordinal) => Small,
        "keys" or "repository.json" or "repository.copy.json" => Small,
        "snapshots" or "tests" or "leases" => Record,
        _ => Largest,
    };

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InputOutput"/>.</exception>
    public static void Require(string name, long size, string location)
    {
        if (size > Of(name))
        {
            throw new MaintenanceException(
                ErrorCode.InputOutput,
                $"'{name}' in {location} has {ByteSize.Format(size)}, more than any object of its kind. It was not read; remove it if nobody knows it.",
                location);
        }
    }
}
