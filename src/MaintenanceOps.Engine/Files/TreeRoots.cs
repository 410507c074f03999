namespace MaintenanceOps.Engine.Files;

/// <summary>
/// The paths that a backup starts from, and the folder that their names in the snapshot begin at: a single folder itself,
/// otherwise the nearest folder above all of them.
/// </summary>
/// <param name="Origin">The folder, as a full path with forward slashes.</param>
/// <param name="Paths">The roots below it, in listing order; a single empty one stands for the folder itself.</param>
internal sealed record TreeRoots(string Origin, IReadOnlyList<string> Paths)
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PathNotFound"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static TreeRoots Of(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "No path was given.");
        }

        var full = paths.Select(Normalize).Distinct().Order(TreeOrder.Instance).ToList();
        foreach (var path in full)
        {
            if (TreeAccess.Current.Facts(path) is null)
            {
                throw new MaintenanceException(ErrorCode.PathNotFound, $"There is nothing at '{path}'.", path);
            }
        }

        if (full.Count == 1 && TreeAccess.Current.Facts(full[0])!.Value.Kind == EntryKind.Folder)
        {
            return new TreeRoots(full[0], [""]);
        }

        var origin = full.Select(ParentOf).Aggregate(Common);
        var below = new List<string>();
        foreach (var path in full)
        {
            // A root inside another root comes with it.
            if (below.Count == 0 || !IsBelow(path, TreeAccess.Join(origin, below[^1])))
            {
                below.Add(path[(origin.EndsWith('/') ? origin.Length : origin.Length + 1)..]);
            }
        }

        return new TreeRoots(origin, below);
    }

    private static string Normalize(string path)
    {
        path = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows())
        {
            path = path.Replace('\\', '/');
        }

        return path.Length > 1 && !path.EndsWith(":/", StringComparison.Ordinal) ? path.TrimEnd('/') : path;
    }

    private static string ParentOf(string path)
    {
        var slash = path.LastIndexOf('/');
        return slash <= 0 ? "/" : path[..slash].EndsWith(':') ? path[..(slash + 1)] : path[..slash];
    }

    private static string Common(string a, string b)
    {
        while (!IsBelow(b, a) && a != b)
        {
            var parent = ParentOf(a);
            if (parent == a)
            {
                throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{a}' and '{b}' have no folder in common. Back them up as two sources.");
            }

            a = parent;
        }

        return a;
    }

    private static bool IsBelow(string path, string folder) =>
        path.StartsWith(folder.EndsWith('/') ? folder : folder + "/", StringComparison.Ordinal);
}
