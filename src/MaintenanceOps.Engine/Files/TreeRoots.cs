using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>A path that a backup starts from.</summary>
/// <param name="Path">Its name below the origin; empty for the origin itself.</param>
/// <param name="Real">Where it is read: the path as given, or where the link that it is leads to in the end.</param>
/// <param name="Via">What the link says that it is; empty where the path is none.</param>
internal sealed record TreeRoot(string Path, string Real, string Via);

/// <summary>
/// The paths that a backup starts from, and the folder that their names in the snapshot begin at: a single folder itself,
/// otherwise the nearest folder above all of them. A path that is a symbolic link stands for what it leads to: who names it
/// wants the content, and the names in the snapshot stay those that were given.
/// </summary>
/// <param name="Origin">The folder, as a full path with forward slashes.</param>
/// <param name="Roots">The paths below it, in listing order.</param>
internal sealed record TreeRoots(string Origin, IReadOnlyList<TreeRoot> Roots)
{
    private const int MaxLinks = 40;

    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.PathNotFound"/>, <see cref="ErrorCode.AccessDenied"/> or <see cref="ErrorCode.InvalidArgument"/>.
    /// </exception>
    public static TreeRoots Of(IReadOnlyList<string> paths)
    {
        if (paths.Count == 0)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "No path was given.");
        }

        var full = paths.Select(Normalize).Distinct().Order(TreeOrder.Instance).Select(Follow).ToList();
        if (full.Count == 1 && full[0].Kind == EntryKind.Folder)
        {
            return new TreeRoots(full[0].Root.Path, [full[0].Root with { Path = "" }]);
        }

        var origin = full.Select(f => ParentOf(f.Root.Path)).Aggregate(Common);
        var below = new List<TreeRoot>();
        foreach (var (root, _) in full)
        {
            // A root inside another root comes with it, unless it is a link: then the walk has to know that it was named.
            if (root.Via.Length > 0 || below.Count == 0 || !IsBelow(root.Path, TreeAccess.Join(origin, below.FindLast(b => b.Via.Length == 0)?.Path ?? "\0")))
            {
                below.Add(root with { Path = root.Path[(origin.EndsWith('/') ? origin.Length : origin.Length + 1)..] });
            }
        }

        return new TreeRoots(origin, below);
    }

    /// <summary>Paths below a folder that are taken as what they are: a link as a link.</summary>
    public static TreeRoots AsTheyAre(string origin, IEnumerable<string> paths) =>
        new(origin, [.. paths.Order(TreeOrder.Instance).Select(p => new TreeRoot(p, TreeAccess.Join(origin, p), ""))]);

    /// <summary>Follows a root to what it leads to, and refuses what cannot be read to an end.</summary>
    private static (TreeRoot Root, EntryKind Kind) Follow(string path)
    {
        try
        {
            var (real, via) = (path, "");
            for (var links = 0; ; links++)
            {
                var facts = TreeAccess.Current.Facts(real) ?? throw Nothing(path, real);
                if (facts.Kind is EntryKind.File or EntryKind.Folder)
                {
                    return TreeAccess.Current.MadeUpBy(real) is { } system
                        ? throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{PathCodec.Display(path)}' is on the kernel's own file system {system}, whose files are made up while they are read. Copy what you need of it into a file and back that up.", path)
                        : (new TreeRoot(path, real, via), facts.Kind);
                }

                if (facts.Kind != EntryKind.Link)
                {
                    throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{PathCodec.Display(path)}' is {Name(facts.Kind)} and has no content that could be backed up. Give a file or a folder.", path);
                }

                if (links == MaxLinks)
                {
                    throw new MaintenanceException(ErrorCode.PathNotFound, $"'{PathCodec.Display(path)}' is a symbolic link that leads to no end: a loop, or more than {MaxLinks} links.", path);
                }

                var target = TreeAccess.Current.ReadLink(real);
                via = via.Length == 0 ? target : via;
                real = Path.IsPathRooted(target) ? target : TreeAccess.Join(ParentOf(real), target);
                real = real.Length > 1 ? real.TrimEnd('/') : real;
            }
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "read", PathCodec.Display(path));
        }
    }

    private static MaintenanceException Nothing(string path, string real) => new(
        ErrorCode.PathNotFound,
        path == real ? $"There is nothing at '{PathCodec.Display(path)}'." : $"'{PathCodec.Display(path)}' is a symbolic link, and there is nothing at '{PathCodec.Display(real)}', where it leads.",
        path);

    private static string Name(EntryKind kind) => kind switch
    {
        EntryKind.Fifo => "a named pipe",
        EntryKind.Socket => "a socket",
        _ => "a device",
    };

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
