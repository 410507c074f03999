using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Follows a path once, to an open folder. On Linux the links in it are followed one by one, and for root only those that
/// whoever owns the folder behind them could have made: nobody leads a privileged restore to a place that is not theirs.
/// </summary>
/// <param name="Folder">The innermost folder of the path that exists.</param>
/// <param name="Rest">The names below it that are no folder: the first may be a file, or a link that leads to no folder.</param>
internal sealed record DestinationPath(FolderHandle Folder, IReadOnlyList<string> Rest) : IDisposable
{
    /// <summary>As many as Linux itself follows in a path.</summary>
    private const int MaxLinks = 40;

    /// <summary>Follows a full path.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationEscaped"/>: a link leads to somebody else's folder.</exception>
    public static DestinationPath Follow(string path) => OperatingSystem.IsLinux() ? OnLinux(path) : Elsewhere(path);

    /// <summary>Whether the path still leads to the same folder.</summary>
    public static bool StillLeadsTo(string path, FolderHandle folder)
    {
        using var again = Follow(path);
        return again.Rest.Count == 0 && again.Folder.Self.IsSameAs(folder.Self);
    }

    public void Dispose() => Folder.Dispose();

    private static DestinationPath OnLinux(string path)
    {
        var walk = new Walk(path);
        try
        {
            while (walk.TryNext(out var name))
            {
                switch (name)
                {
                    case "" or ".":
                        break;
                    case "..":
                        walk.GoUp();
                        break;
                    default:
                        if (!walk.TryEnter(name))
                        {
                            return walk.End(name);
                        }

                        break;
                }
            }

            return walk.End();
        }
        catch
        {
            walk.Folder.Dispose();
            throw;
        }
    }

    private static DestinationPath Elsewhere(string path)
    {
        var rest = new List<string>();
        var existing = path;
        while (!Directory.Exists(existing) && Path.GetDirectoryName(existing) is { } above)
        {
            rest.Insert(0, Path.GetFileName(existing));
            existing = above;
        }

        return new DestinationPath(TreeAccess.Current.OpenFolder(existing), rest);
    }

    /// <summary>Where the following of a path has come to.</summary>
    private sealed class Walk(string path)
    {
        private readonly Stack<string> ahead = new(path.Split('/').Reverse());
        private readonly List<string> behind = [];

        /// <summary>Others than root who could have made a link that was followed, with the link.</summary>
        private readonly Dictionary<long, string> leaders = [];

        private int links;

        public FolderHandle Folder { get; private set; } = TreeAccess.Current.OpenFolder("/");

        public bool TryNext(out string name) => ahead.TryPop(out name!);

        /// <summary>Goes into a folder, or notes where a link leads; false where neither is there.</summary>
        public bool TryEnter(string name)
        {
            switch (Folder.Look(name))
            {
                case { Kind: EntryKind.Folder }:
                    MoveTo(Folder.OpenFolder(name));
                    behind.Add(name);
                    return true;
                case { Kind: EntryKind.Link } link:
                    return TryLink(name, link);
                default:
                    return false;
            }
        }

        public void GoUp()
        {
            foreach (var name in behind.SkipLast(1).Reverse())
            {
                ahead.Push(name);
            }

            StartAtTop();
        }

        public DestinationPath End(string? missing = null)
        {
            if (Environment.IsPrivilegedProcess && leaders.Keys.Any(l => l != Folder.Self.User))
            {
                throw new MaintenanceException(
                    ErrorCode.DestinationEscaped,
                    $"The link '{PathCodec.Display(leaders.Values.First())}' leads to '{PathCodec.Display(Folder.Path)}', which belongs to another user than the link. Nothing was written. If that is the right place, give it as the destination.",
                    PathCodec.Display(Folder.Path));
            }

            List<string> rest = missing is null ? [] : [missing, .. ahead.Where(n => n is not ("" or "."))];
            return rest.Contains("..")
                ? throw new MaintenanceException(ErrorCode.PathNotFound, $"There is no folder '{PathCodec.Display(TreeAccess.Join(Folder.Path, missing!))}'.", PathCodec.Display(path))
                : new DestinationPath(Folder, rest);
        }

        private bool TryLink(string name, PlaceFacts link)
        {
            var target = Folder.ReadLink(name);
            if (++links > MaxLinks)
            {
                throw new MaintenanceException(ErrorCode.PathNotFound, $"'{PathCodec.Display(path)}' leads through more than {MaxLinks} links.", PathCodec.Display(path));
            }

            // In a folder of somebody's own, that user can put any link; elsewhere only who owns the link can have made it.
            if (Folder.Self.User is not 0 and var owner || (owner = link.User) != 0)
            {
                leaders.TryAdd(owner, TreeAccess.Join(Folder.Path, name));
            }

            if (!LeadsToFolder(name))
            {
                return false;
            }

            foreach (var part in target.Split('/').Reverse())
            {
                ahead.Push(part);
            }

            if (target.StartsWith('/'))
            {
                StartAtTop();
            }

            return true;
        }

        /// <summary>A link that leads to a file or to nothing is itself what stands there.</summary>
        private bool LeadsToFolder(string name)
        {
            try
            {
                TreeAccess.Current.OpenFolder(TreeAccess.Join(Folder.Path, name)).Dispose();
                return true;
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                return false;
            }
        }

        private void StartAtTop()
        {
            behind.Clear();
            MoveTo(TreeAccess.Current.OpenFolder("/"));
        }

        private void MoveTo(FolderHandle next)
        {
            Folder.Dispose();
            Folder = next;
        }
    }
}
