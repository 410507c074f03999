using MaintenanceOps.Engine.Databases.Sqlite;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Looks at a destination that exists before anything is written: what stands in the way, what is mounted in it, and how
/// much comes to which volume.
/// </summary>
internal sealed class DestinationSurvey
{
    private readonly FolderTree tree;
    private readonly Selection selection;
    private readonly string destination;
    private readonly Dictionary<string, Place?> folders = new(StringComparer.Ordinal);
    private readonly HashSet<string> conflicts = new(StringComparer.Ordinal);
    private readonly Dictionary<string, PlaceFacts> databases = new(StringComparer.Ordinal);
    private readonly SortedDictionary<string, long> rooms = new(StringComparer.Ordinal);

    private DestinationSurvey(FolderTree tree, Selection selection, string destination) =>
        (this.tree, this.selection, this.destination) = (tree, selection, destination);

    /// <summary>What stands where something of the snapshot goes and moves out of the way, by its path in the snapshot.</summary>
    public IReadOnlySet<string> Conflicts => conflicts;

    /// <summary>Those of the conflicts that are SQLite databases, or logs of one.</summary>
    public IReadOnlyDictionary<string, PlaceFacts> Databases => databases;

    /// <summary>The folders whose volumes something is written to, with the bytes; outer folders first.</summary>
    public IReadOnlyDictionary<string, long> Rooms => rooms;

    /// <summary>A folder of the destination: the outermost folder on its volume, and the volume.</summary>
    private sealed record Place(string Top, Volume Volume);

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.MountInTheWay"/>: something mounted would have to move.</exception>
    public static DestinationSurvey Of(FolderTree tree, Selection selection, string destination, CancellationToken cancellation)
    {
        var survey = new DestinationSurvey(tree, selection, destination);
        survey.folders[""] = new Place("", tree.Root.Self.Volume);
        foreach (var entry in selection.Entries.Where(e => e.Path.Length > 0))
        {
            cancellation.ThrowIfCancellationRequested();
            survey.Look(entry);
        }

        return survey;
    }

    /// <summary>What an entry takes on a disk: its holes take nothing.</summary>
    private static long DataSizeOf(FileEntry entry) => entry.Extents.Sum(e => e.IsHole ? 0 : e.Length);

    /// <summary>Whether the destination has a folder at this path, which was looked at.</summary>
    public bool HasFolder(string path) => folders[path] is not null;

    private void Look(FileEntry entry)
    {
        if (entry.Kind == EntryKind.Folder)
        {
            FolderAt(entry.Path, isListed: true);
            return;
        }

        var parent = FolderTree.ParentOf(entry.Path);
        if (FolderAt(parent, isListed: false) is not { } place)
        {
            AddRoom(NearestTop(parent), DataSizeOf(entry));
            return;
        }

        AddRoom(place.Top, DataSizeOf(entry));
        using var folder = tree.Open(parent);
        var found = folder.Folder.Look(FolderTree.NameOf(entry.Path));
        if (found is { } there)
        {
            RequireMovable(entry.Path, there, place);
            conflicts.Add(entry.Path);
        }

        LookForDatabase(entry, found, folder.Folder);
    }

    /// <summary>The folder at a path of the destination; null where it will come from the snapshot.</summary>
    private Place? FolderAt(string path, bool isListed)
    {
        if (folders.TryGetValue(path, out var known))
        {
            return known;
        }

        // Without recursion: paths can be thousands of folders deep.
        var place = folders[""];
        for (var end = path.IndexOf('/'); ; end = path.IndexOf('/', end + 1))
        {
            var part = end < 0 ? path : path[..end];
            if (!folders.TryGetValue(part, out var next))
            {
                folders[part] = next = place is null ? null : Enter(part, place, isListed && end < 0);
            }

            place = next;
            if (end < 0)
            {
                return place;
            }
        }
    }

    private Place? Enter(string path, Place above, bool isListed)
    {
        using var parent = tree.OpenParent(path);
        switch (parent.Folder.Look(FolderTree.NameOf(path)))
        {
            case null:
                AddRoom(above.Top, 0);
                return null;
            case { Kind: EntryKind.Folder } there:
                return there.Volume == above.Volume ? above : new Place(path, there.Volume);
            case { Kind: EntryKind.Link } when !isListed && TryFollow(path) is { } behind:
                return behind.Volume == above.Volume ? above : new Place(path, behind.Volume);
            case { } there:
                RequireMovable(path, there, above);
                AddRoom(above.Top, 0);
                conflicts.Add(path);
                return null;
        }
    }

    /// <summary>
    /// A folder that the snapshot only passes through, and does not hold, may be a link: what is backed up may lie behind one.
    /// </summary>
    private PlaceFacts? TryFollow(string path)
    {
        var behind = DestinationPath.Follow(TreeAccess.Join(destination, path));
        if (behind.Rest.Count > 0)
        {
            behind.Dispose();
            return null;
        }

        tree.Pin(path, behind.Folder);
        return behind.Folder.Self;
    }

    private void LookForDatabase(FileEntry entry, PlaceFacts? found, FolderHandle folder)
    {
        var name = FolderTree.NameOf(entry.Path);
        var isDatabase = found is { Kind: EntryKind.File } there && DatabaseLogs.IsDatabase(folder, name, there);
        if (isDatabase)
        {
            databases[entry.Path] = found!.Value;
        }

        if (!isDatabase && entry.Content != ContentKind.SqliteDatabase && !DatabaseLogs.CanBeDatabase(entry.Size))
        {
            return;
        }

        // Its logs belong to what is replaced: beside the new file SQLite would bring pages of the old one back.
        foreach (var suffix in DatabaseLogs.Suffixes)
        {
            var log = entry.Path + suffix;
            if (folder.Look(name + suffix) is { } there2 && there2.Kind != EntryKind.Folder)
            {
                RequireMovable(log, there2, folders[FolderTree.ParentOf(entry.Path)]!);
                conflicts.Add(log);
                databases[log] = there2;
            }
        }
    }

    private void RequireMovable(string path, PlaceFacts there, Place above)
    {
        // A file's device can differ from its folder's where nothing is mounted (overlayfs), so files go by the mount alone.
        var isMount = there.Kind == EntryKind.Folder ? there.Volume != above.Volume : there.Volume.Mount != above.Volume.Mount;
        if (isMount)
        {
            throw MountInTheWay(path);
        }

        if (there.Kind == EntryKind.Folder)
        {
            RequireNoMountsBelow(path, there.Volume);
        }
    }

    private void RequireNoMountsBelow(string path, Volume volume)
    {
        var waiting = new Stack<string>([path]);
        while (waiting.TryPop(out var next))
        {
            using var folder = tree.Open(next);
            foreach (var name in folder.Folder.Names())
            {
                if (folder.Folder.Look(name) is { } there && (there.Kind == EntryKind.Folder ? there.Volume != volume : there.Volume.Mount != volume.Mount))
                {
                    throw MountInTheWay($"{next}/{name}");
                }
                else if (folder.Folder.Look(name) is { Kind: EntryKind.Folder })
                {
                    waiting.Push($"{next}/{name}");
                }
            }
        }
    }

    private MaintenanceException MountInTheWay(string path) => TreeSwap.MountInTheWay(TreeAccess.Join(destination, path));

    private string NearestTop(string path)
    {
        while (path.Length > 0)
        {
            path = FolderTree.ParentOf(path);
            if (folders[path] is { } place)
            {
                return place.Top;
            }
        }

        return "";
    }

    private void AddRoom(string top, long bytes) => rooms[top] = rooms.GetValueOrDefault(top) + bytes;
}
