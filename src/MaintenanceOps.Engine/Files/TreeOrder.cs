namespace MaintenanceOps.Engine.Files;

/// <summary>
/// The order of a listing: a folder, then all below it, then its next neighbour. Comparing whole paths with the slash as
/// the smallest character gives just that, so a walk and a parent's listing can be merged like two sorted lists.
/// </summary>
internal sealed class TreeOrder : IComparer<string>
{
    public static TreeOrder Instance { get; } = new();

    public int Compare(string? x, string? y)
    {
        ReadOnlySpan<char> a = x, b = y;
        var common = a.CommonPrefixLength(b);
        if (common == a.Length || common == b.Length)
        {
            return a.Length - b.Length;
        }

        return a[common] == '/' ? -1 : b[common] == '/' ? 1 : a[common] - b[common];
    }
}
