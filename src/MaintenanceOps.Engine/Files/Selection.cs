namespace MaintenanceOps.Engine.Files;

/// <summary>The entries of a listing that are to be restored, checked to stay inside the destination.</summary>
internal sealed class Selection
{
    private Selection(IReadOnlyList<FileEntry> entries, IReadOnlySet<string> ways)
    {
        Entries = entries;
        Ways = ways;
        Size = entries.Sum(e => e.Size);
        DataSize = entries.Sum(e => e.Extents.Sum(x => x.IsHole ? 0 : x.Length));
    }

    /// <summary>In listing order: a folder comes before what is in it.</summary>
    public IReadOnlyList<FileEntry> Entries { get; }

    /// <summary>Folders that were not chosen and come along, because something below them was.</summary>
    public IReadOnlySet<string> Ways { get; }

    /// <summary>The sum of the files' sizes in bytes.</summary>
    public long Size { get; }

    /// <summary>What the files' content takes on a disk, in bytes: holes take nothing.</summary>
    public long DataSize { get; }

    /// <summary>
    /// Chooses by patterns and by exact shown paths; none chooses everything, and both must hold where both are given. What
    /// is excluded never comes.
    /// Folders above a chosen entry come along. A pattern that begins with the origin is a path below it.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DestinationEscaped"/>: an entry would leave the destination.</exception>
    public static Selection Of(IEnumerable<FileEntry> entries, IReadOnlyList<string> include, IReadOnlyCollection<string>? items = null, IReadOnlyList<string>? exclude = null, string origin = "")
    {
        var filter = PathFilter.Choosing(include, entries, origin);
        var excluded = PathFilter.Choosing(exclude ?? [], entries, origin);
        var named = items is { Count: > 0 } ? items.ToHashSet(StringComparer.Ordinal) : null;
        var chosen = new List<FileEntry>();
        var waiting = new Stack<FileEntry>();
        var ways = new HashSet<string>(StringComparer.Ordinal);
        var links = new HashSet<string>(StringComparer.Ordinal);
        var files = new Dictionary<string, FileEntry>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            RequireInside(entry, links);
            if (entry.Kind is EntryKind.Link)
            {
                links.Add(entry.Path);
            }

            while (waiting.TryPeek(out var above) && !IsBelow(entry.Path, above.Path))
            {
                waiting.Pop();
            }

            if (excluded.Fits(entry.Path, entry.Kind == EntryKind.Folder))
            {
                continue;
            }

            if ((filter.IsEmpty || filter.Fits(entry.Path, entry.Kind == EntryKind.Folder)) && (named is null || named.Contains(PathCodec.Display(entry.Path))))
            {
                foreach (var above in waiting.Reverse())
                {
                    chosen.Add(above);
                    ways.Add(above.Path);
                }

                waiting.Clear();
                chosen.Add(Resolve(entry, files));
            }
            else if (entry.Kind == EntryKind.Folder)
            {
                waiting.Push(entry);
            }
            else if (entry.Kind == EntryKind.File)
            {
                // Another name of it may be chosen further down; then that name gets the content.
                files[entry.Path] = entry;
            }
        }

        RequireTargetsInside(chosen);
        return new Selection(chosen, ways);
    }

    /// <summary>A hard link whose first name is not chosen becomes a file of its own, and the next ones links to it.</summary>
    private static FileEntry Resolve(FileEntry entry, Dictionary<string, FileEntry> left)
    {
        if (entry.Kind != EntryKind.HardLink || !left.TryGetValue(entry.Target, out var first))
        {
            return entry;
        }

        if (first.Kind == EntryKind.HardLink)
        {
            return entry with { Target = first.Target };
        }

        left[entry.Target] = entry with { Target = entry.Path };
        return first with { Path = entry.Path };
    }

    private static bool IsBelow(string path, string folder) =>
        folder.Length == 0 || (path.StartsWith(folder, StringComparison.Ordinal) && path.Length > folder.Length && path[folder.Length] == '/');

    /// <summary>
    /// A listing comes from a store that others may write to. No entry may climb out of the destination by its name, or
    /// pass through a link that an earlier entry made.
    /// </summary>
    private static void RequireInside(FileEntry entry, HashSet<string> links)
    {
        var inside = entry.Path.Length == 0
            ? entry.Kind == EntryKind.Folder
            : entry.Path[0] != '/'
                && !entry.Path.Contains('\0', StringComparison.Ordinal)
                && entry.Path.Split('/').All(IsPlainName)
                && !PassesThrough(entry.Path, links);
        if (!inside)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationEscaped,
                $"The snapshot has an entry '{PathCodec.Display(entry.Path)}' that would be written outside the destination. Nothing was written; the repository may have been tampered with.",
                PathCodec.Display(entry.Path));
        }
    }

    /// <summary>A hard link is another name of a file that is restored too, and of nothing else on the machine.</summary>
    private static void RequireTargetsInside(List<FileEntry> chosen)
    {
        var targets = chosen.Where(e => e.Kind == EntryKind.HardLink).Select(e => e.Target).ToHashSet(StringComparer.Ordinal);
        targets.ExceptWith(chosen.Where(e => e.Kind == EntryKind.File).Select(e => e.Path));
        if (targets.Count > 0)
        {
            throw new MaintenanceException(
                ErrorCode.DestinationEscaped,
                $"The snapshot has a hard link to '{PathCodec.Display(targets.First())}', which is no file of it. Nothing was written; the repository may have been tampered with.",
                PathCodec.Display(targets.First()));
        }
    }

    private static bool IsPlainName(string name) =>
        name is not ("" or "." or "..") && (!OperatingSystem.IsWindows() || name.IndexOfAny(['\\', ':']) < 0);

    private static bool PassesThrough(string path, HashSet<string> links)
    {
        for (var slash = path.LastIndexOf('/'); slash > 0 && links.Count > 0; slash = path.LastIndexOf('/', slash - 1))
        {
            if (links.Contains(path[..slash]))
            {
                return true;
            }
        }

        return links.Contains(path);
    }
}
