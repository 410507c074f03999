namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Opens the folders below one that is open already, each through the one above it, and keeps the last used ones open.
/// A path that passes through a link is an error, so no work leaves the tree. Thread-safe.
/// </summary>
/// <param name="root">The folder above all; the tree does not close it.</param>
internal sealed class FolderTree(FolderHandle root) : IDisposable
{
    private const int OwnerAll = 0x1c0;
    private const int Busy = 16;
    private readonly Dictionary<string, Opened> opened = new(StringComparer.Ordinal);
    private readonly Lock gate = new();
    private long clock;

    public FolderHandle Root => root;

    /// <summary>A folder that stays open as long as somebody uses it.</summary>
    internal sealed class Opened(FolderHandle folder)
    {
        public FolderHandle Folder { get; } = folder;

        public int Users { get; set; }

        public long LastUse { get; set; }

        /// <summary>Whether it was given from outside and cannot be opened again through the one above.</summary>
        public bool Pinned { get; init; }
    }

    /// <summary>The use of a folder; disposing it ends the use.</summary>
    internal readonly struct Use(FolderTree tree, Opened? opened) : IDisposable
    {
        public FolderHandle Folder => opened?.Folder ?? tree.Root;

        public void Dispose() => tree.End(opened);
    }

    /// <summary>Opens a folder by its path below the root; an empty path is the root.</summary>
    public Use Open(string path)
    {
        if (path.Length == 0)
        {
            return new Use(this, null);
        }

        lock (gate)
        {
            return new Use(this, Find(path));
        }
    }

    /// <summary>Opens the folder that an entry is in.</summary>
    public Use OpenParent(string path) => Open(ParentOf(path));

    /// <summary>Takes an open folder for the one at a path, whatever stands there.</summary>
    public void Pin(string path, FolderHandle folder)
    {
        lock (gate)
        {
            opened[path] = new Opened(folder) { Pinned = true };
        }
    }

    /// <summary>Closes a folder and all below it: it is about to be moved or removed.</summary>
    public void Forget(string path)
    {
        lock (gate)
        {
            foreach (var gone in opened.Where(o => o.Key == path || IsBelow(o.Key, path)).ToList())
            {
                gone.Value.Folder.Dispose();
                opened.Remove(gone.Key);
            }
        }
    }

    /// <summary>
    /// Removes all that is in a folder, whatever bytes its names are made of. What is mounted in it is left alone.
    /// </summary>
    /// <exception cref="IOException">Something is mounted in it, or cannot be removed.</exception>
    public static void Clear(FolderHandle folder)
    {
        using var tree = new FolderTree(folder);
        var volume = folder.Self.Volume;
        var waiting = new Stack<(string Path, bool IsEmpty)>([("", false)]);
        while (waiting.TryPop(out var next))
        {
            if (!next.IsEmpty)
            {
                waiting.Push((next.Path, true));
                foreach (var inner in tree.ClearFiles(next.Path, volume))
                {
                    waiting.Push((inner, false));
                }
            }
            else if (next.Path.Length > 0)
            {
                tree.Forget(next.Path);
                using var above = tree.OpenParent(next.Path);
                above.Folder.RemoveFolder(NameOf(next.Path));
            }
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            foreach (var folder in opened.Values)
            {
                folder.Folder.Dispose();
            }

            opened.Clear();
        }
    }

    public static string ParentOf(string path) => path.LastIndexOf('/') is > 0 and var slash ? path[..slash] : "";

    public static string NameOf(string path) => path[(path.LastIndexOf('/') + 1)..];

    public static bool IsBelow(string path, string folder) =>
        folder.Length == 0 || (path.Length > folder.Length && path[folder.Length] == '/' && path.StartsWith(folder, StringComparison.Ordinal));

    /// <summary>Removes what is no folder from a folder, and tells the folders that are left.</summary>
    private List<string> ClearFiles(string path, Volume volume)
    {
        using var use = Open(path);
        var folder = use.Folder;
        if (folder.Self.Mode is >= 0 and var mode && (mode & OwnerAll) != OwnerAll)
        {
            folder.MakePrivate();
        }

        var inner = new List<string>();
        foreach (var name in folder.Names())
        {
            switch (folder.Look(name))
            {
                case null:
                    break;
                case { Kind: EntryKind.Folder } found when found.Volume != volume:
                    throw new IOException($"'{PathCodec.Display(TreeAccess.Join(folder.Path, name))}' is a mount, so it was left alone.", Busy);
                case { Kind: EntryKind.Folder }:
                    inner.Add(path.Length == 0 ? name : $"{path}/{name}");
                    break;
                default:
                    folder.Remove(name);
                    break;
            }
        }

        return inner;
    }

    private void End(Opened? used)
    {
        if (used is not null)
        {
            lock (gate)
            {
                used.Users--;
            }
        }
    }

    /// <summary>Goes down from the innermost folder that is open, one name at a time; two folders at most are in use meanwhile.</summary>
    private Opened Find(string path)
    {
        var at = path.Length;
        Opened? above = null;
        while (at > 0 && !opened.TryGetValue(path[..at], out above))
        {
            at = path.LastIndexOf('/', at - 1);
        }

        while (at < path.Length)
        {
            var begin = at <= 0 ? 0 : at + 1;
            var end = path.IndexOf('/', begin) is > 0 and var slash ? slash : path.Length;
            if (above is not null)
            {
                above.Users++;
            }

            try
            {
                MakeRoom(OpenLimit.Folders);
                var folder = OpenLimit.Retry(() => (above?.Folder ?? root).OpenFolder(path[begin..end]), () => MakeRoom(0));
                above = Keep(path[..end], folder, above);
            }
            catch when (above is not null)
            {
                above.Users--;
                throw;
            }

            at = end;
        }

        above!.Users++;
        above.LastUse = ++clock;
        return above;
    }

    private Opened Keep(string path, FolderHandle folder, Opened? above)
    {
        if (above is not null)
        {
            above.Users--;
        }

        return opened[path] = new Opened(folder) { LastUse = ++clock };
    }

    /// <summary>Closes the folders that were not used for the longest time.</summary>
    private void MakeRoom(int keep)
    {
        while (opened.Count >= Math.Max(keep, 1))
        {
            var oldest = opened.Where(o => o.Value is { Users: 0, Pinned: false }).MinBy(o => o.Value.LastUse);
            if (oldest.Value is null)
            {
                return;
            }

            oldest.Value.Folder.Dispose();
            opened.Remove(oldest.Key);
        }
    }
}
