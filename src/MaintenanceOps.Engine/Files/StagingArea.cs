using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// A private folder on the volume that its entries go to, so that each of them comes into place by a rename: below it lies
/// what the snapshot brings, and what had to move out of the way.
/// </summary>
internal sealed class StagingArea : IDisposable
{
    /// <summary>The name, in the scratch folder, of what the snapshot brings.</summary>
    public const string NewName = "new";

    private const string OldName = "old";
    private readonly ScratchFolder scratch;
    private readonly HashSet<string> made = new(StringComparer.Ordinal);
    private FolderHandle? old;

    private StagingArea(string below, ScratchFolder scratch, FolderHandle brought) =>
        (Below, this.scratch, Brought) = (below, scratch, new FolderTree(brought));

    /// <summary>The folder of the destination whose entries, and those below it, are staged here.</summary>
    public string Below { get; }

    public string Path => scratch.Path;

    /// <summary>The folder that <see cref="NewName"/> is in.</summary>
    public FolderHandle Folder => scratch.Folder;

    /// <summary>What the snapshot brings, by the paths that it has in the snapshot.</summary>
    public FolderTree Brought { get; }

    /// <summary>What moved out of the way.</summary>
    public FolderHandle Old
    {
        get
        {
            if (old is null)
            {
                scratch.Folder.CreateFolder(OldName);
                old = scratch.Folder.OpenFolder(OldName);
            }

            return old;
        }
    }

    /// <summary>Makes the area.</summary>
    /// <param name="below">The folder of the destination that it serves.</param>
    /// <param name="home">A folder on the volume; it is closed with the area.</param>
    public static StagingArea Create(string below, FolderHandle home)
    {
        var scratch = ScratchFolder.CreateIn(home);
        try
        {
            scratch.Folder.CreateFolder(NewName);
            return new StagingArea(below, scratch, scratch.Folder.OpenFolder(NewName));
        }
        catch
        {
            scratch.Dispose();
            throw;
        }
    }

    /// <summary>Makes a folder and those above it. Called from several threads.</summary>
    public void MakeFolder(string path)
    {
        lock (made)
        {
            // Without recursion: paths can be thousands of folders deep.
            for (var end = path.IndexOf('/'); !made.Contains(path); end = path.IndexOf('/', end + 1))
            {
                var part = end < 0 ? path : path[..end];
                if (part.Length > 0 && made.Add(part))
                {
                    using var above = Brought.OpenParent(part);
                    above.Folder.CreateFolder(FolderTree.NameOf(part));
                }

                if (end < 0)
                {
                    return;
                }
            }
        }
    }

    /// <summary>Leaves the area where it is: it has what could not be put back.</summary>
    public void Keep() => scratch.Keep();

    public void Dispose()
    {
        old?.Dispose();
        Brought.Dispose();
        Brought.Root.Dispose();
        scratch.Dispose();
    }
}

/// <summary>The areas of one restore: one for each volume that it writes to.</summary>
internal sealed class StagingAreas : IDisposable
{
    private readonly List<StagingArea> areas = [];

    public IReadOnlyList<StagingArea> All => areas;

    /// <summary>Adds an area; one of an inner folder comes after those of the folders above it.</summary>
    public void Add(StagingArea area) => areas.Add(area);

    /// <summary>The area of an entry: that of the innermost folder above it that has one.</summary>
    public StagingArea Of(string path)
    {
        for (var i = areas.Count - 1; i > 0; i--)
        {
            if (FolderTree.IsBelow(path, areas[i].Below))
            {
                return areas[i];
            }
        }

        return areas[0];
    }

    public void Dispose() => areas.ForEach(a => a.Dispose());
}
