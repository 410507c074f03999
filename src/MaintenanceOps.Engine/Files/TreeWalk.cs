using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Goes through the folders of a backup in the order of the listing and records each entry. What cannot be read is named and
/// counted as missing; only a path that was asked for by name ends the backup.
/// </summary>
internal sealed class TreeWalk(TreeRoots roots, PathFilter exclude, ListingWriter listing, ContentReader content, TreeFindings findings, IOperationSink sink)
{
    /// <summary>How often an entry may turn into something of another kind while it is looked at.</summary>
    private const int Attempts = 3;

    private readonly TreeAccess access = TreeAccess.Current;
    private readonly Dictionary<string, TreeRoot> named = roots.Roots.ToDictionary(r => r.Path, StringComparer.Ordinal);
    private readonly HashSet<string> taken = new(StringComparer.Ordinal);
    private readonly Dictionary<(ulong Device, ulong Inode), (string Path, bool IsDatabase)> linked = [];
    private (ulong Device, ulong Inode)? repository;
    private CancellationToken cancellation;

    /// <summary>How many entries a pattern kept out.</summary>
    public long Excluded { get; private set; }

    /// <param name="repositoryFolder">The repository, which is no part of what it keeps; null where it is no local folder.</param>
    /// <param name="token">Ends the walk.</param>
    /// <exception cref="MaintenanceException">A path that was asked for cannot be read.</exception>
    public void Run(string? repositoryFolder, CancellationToken token)
    {
        cancellation = token;
        repository = repositoryFolder is not null && access.Facts(Links.Target(repositoryFolder)) is { Inode: > 0 } r ? (r.Device, r.Inode) : null;
        var databases = new HashSet<string>(StringComparer.Ordinal);
        foreach (var root in roots.Roots.Where(r => !taken.Contains(r.Path) && !IsTakenWith(databases, r.Path, r.Real)))
        {
            if (Take(root.Path, root.Real, null))
            {
                databases.Add(root.Path);
            }
        }
    }

    /// <param name="path">The path below the origin.</param>
    /// <param name="absolute">Where it is read.</param>
    /// <param name="volume">The volume of the folder above; null for a root.</param>
    /// <returns>Whether it was taken as a database, with all that is in its log.</returns>
    private bool Take(string path, string absolute, ulong? volume)
    {
        cancellation.ThrowIfCancellationRequested();
        var root = named.GetValueOrDefault(path);
        absolute = root?.Real ?? absolute;
        try
        {
            for (var attempt = 1; ; attempt++)
            {
                if (access.Facts(absolute) is not { } facts)
                {
                    throw new FileNotFoundException();
                }

                try
                {
                    return TakeEntry(path, absolute, facts, volume, root);
                }
                catch (Exception e) when (IoErrors.IsKnown(e) && attempt < Attempts && access.Facts(absolute) is { } now && now.Kind != facts.Kind)
                {
                    // Somebody put something else there: it is taken as what it is now.
                }
            }
        }
        catch (Exception e) when (IoErrors.IsKnown(e) && root is not null)
        {
            throw IoErrors.Wrap(e, "read", PathCodec.Display(absolute));
        }
        catch (FileNotFoundException)
        {
            findings.Warn($"'{PathCodec.Display(path)}' vanished before it was read.");
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            findings.Miss(path, $"could not be read and is not in the snapshot: {e.Message}");
        }

        return false;
    }

    private bool TakeEntry(string path, string absolute, FileFacts facts, ulong? volume, TreeRoot? root)
    {
        if (path.Length > 0 && exclude.Excludes(path, facts.Kind == EntryKind.Folder))
        {
            Excluded++;
            return false;
        }

        if (facts.Kind == EntryKind.Folder && repository == (facts.Device, facts.Inode))
        {
            sink.Inform($"'{PathCodec.Display(path)}' is the repository itself and was left out.");
            return false;
        }

        if (root is not null)
        {
            taken.Add(path);
        }

        switch (facts.Kind)
        {
            case EntryKind.File:
                return TakeFile(path, absolute, facts, root);
            case EntryKind.Folder:
                TakeFolder(path, absolute, facts, volume, root);
                return false;
            case EntryKind.Link:
                listing.Add(new PendingEntry(content.Describe(path, absolute, facts, root) with { Target = access.ReadLink(absolute) }));
                return false;
            default:
                listing.Add(new PendingEntry(content.Describe(path, absolute, facts, root)));
                return false;
        }
    }

    private void TakeFolder(string path, string absolute, FileFacts facts, ulong? volume, TreeRoot? root)
    {
        List<string> names = [];
        if (volume is { } above && above != facts.Device && access.MadeUpBy(absolute) is { } system)
        {
            findings.Warn($"'{PathCodec.Display(path)}' is the kernel's own file system {system}; the folder is in the snapshot and nothing below it.");
        }
        else
        {
            names = NamesIn(path, absolute, root is not null);
        }

        listing.Add(new PendingEntry(content.Describe(path, absolute, facts, root)));

        var databases = new HashSet<string>(StringComparer.Ordinal);
        foreach (var name in names)
        {
            var below = path.Length == 0 ? name : $"{path}/{name}";
            if (IsLogOfExcluded(below, absolute, name))
            {
                Excluded++;
                continue;
            }

            if (!IsTakenWith(databases, name, TreeAccess.Join(absolute, name)) && Take(below, TreeAccess.Join(absolute, name), facts.Device))
            {
                databases.Add(name);
            }
        }
    }

    /// <summary>The names in a folder in order. Of one that cannot be listed, the folder alone is taken.</summary>
    private List<string> NamesIn(string path, string absolute, bool isRoot)
    {
        try
        {
            return [.. access.Names(absolute).Order(TreeOrder.Instance)];
        }
        catch (Exception e) when (!isRoot && IoErrors.IsKnown(e) && access.Facts(absolute) is { Kind: EntryKind.Folder })
        {
            findings.Miss(path, $"could not be listed, and what is in it is not in the snapshot: {e.Message}");
            return [];
        }
    }

    /// <summary>
    /// Whether the file is the log of a database that the patterns leave out. Restored beside another state of that database, it
    /// would overwrite pages of it.
    /// </summary>
    private bool IsLogOfExcluded(string path, string folder, string name) =>
        DatabaseLogs.DatabaseOf(name) is { } database
        && exclude.Excludes(DatabaseLogs.DatabaseOf(path)!, false)
        && access.Facts(TreeAccess.Join(folder, database)) is { Kind: EntryKind.File }
        && SqliteLog.IsOne(TreeAccess.Join(folder, name));

    /// <summary>
    /// Whether the name is a log of a database that was just taken with all that is in its log. Reading the database may have
    /// removed it: a journal that a crash left behind was rolled back.
    /// </summary>
    private static bool IsTakenWith(HashSet<string> databases, string name, string path) =>
        databases.Count > 0
        && DatabaseLogs.DatabaseOf(name) is { } database
        && databases.Contains(database)
        && (SqliteLog.FactsOf(path) is null || SqliteLog.IsOne(path));

    private bool TakeFile(string path, string absolute, FileFacts facts, TreeRoot? root)
    {
        if (facts.Links <= 1 || facts.Inode == 0)
        {
            return content.Take(path, absolute, facts, root);
        }

        if (linked.TryGetValue((facts.Device, facts.Inode), out var first))
        {
            listing.Add(new PendingEntry(ContentReader.FurtherName(path, facts, first.Path)));

            // Its log was read with the first name, whichever of them it lies beside.
            return first.IsDatabase;
        }

        var isDatabase = content.Take(path, absolute, facts, root);
        linked.Add((facts.Device, facts.Inode), (path, isDatabase));
        return isDatabase;
    }
}
