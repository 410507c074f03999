using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// A folder for work that must not outlive it: drills, comparisons, tables on their way. A killed process leaves its
/// folder behind; the next one that makes a folder in the same place removes it. Only we may enter it, and it is worked in and
/// removed through the handle that made it: who may rename it gains nothing.
/// </summary>
internal sealed class ScratchFolder : IDisposable
{
    private const string Prefix = ".mops-scratch-";
    private const string KeptPrefix = ".mops-kept-";
    private const string Probe = "probe";
    private const int OthersAll = 0x3f;
    private readonly FolderHandle parent;
    private string name;
    private bool kept;

    private ScratchFolder(FolderHandle parent, string name, FolderHandle folder) => (this.parent, this.name, Folder) = (parent, name, folder);

    public string Path => TreeAccess.Join(parent.Path, name);

    public FolderHandle Folder { get; }

    /// <summary>Whether there is room for content of this many bytes, and some to spare, in a parent folder; in the system's temporary folder where that is null.</summary>
    public static bool HasRoom(string? parent, long size) =>
        FreeSpace.Of(parent ?? System.IO.Path.GetTempPath()) is not { } free || free > size + (size / 8) + (64L << 20);

    /// <summary>Makes a scratch folder in a parent folder; in the system's temporary folder where that is null.</summary>
    public static ScratchFolder Create(string? parent)
    {
        // The system's own is there, or TMPDIR is wrong.
        var place = parent ?? System.IO.Path.GetTempPath();
        try
        {
            if (parent is not null)
            {
                Directory.CreateDirectory(parent);
            }

            return CreateIn(TreeAccess.Current.OpenFolder(System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(place))));
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "make a scratch folder in", place);
        }
    }

    /// <summary>Makes a scratch folder in an open folder, which it closes at its end.</summary>
    /// <exception cref="IOException">It cannot be made, or somebody put another folder in its place.</exception>
    public static ScratchFolder CreateIn(FolderHandle parent)
    {
        FolderHandle? folder = null;
        var name = "";
        try
        {
            RemoveOrphans(parent);
            name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{ProcessIdentity.Started}-{Guid.NewGuid():N}");
            parent.CreateFolder(name);
            folder = parent.OpenFolder(name);
            folder.MakePrivate();
            RequireOurs(folder);
            return new ScratchFolder(parent, name, folder);
        }
        catch
        {
            Discard(parent, name, folder);
            throw;
        }
    }

    /// <summary>Removes what was begun; a folder that somebody else put there is left, unless it is empty.</summary>
    private static void Discard(FolderHandle parent, string name, FolderHandle? folder)
    {
        try
        {
            if (folder?.Look(Probe) is { Kind: EntryKind.File })
            {
                folder.Remove(Probe);
            }

            if (name.Length > 0 && parent.Look(name) is { Kind: EntryKind.Folder })
            {
                parent.RemoveFolder(name);
            }
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // What made the beginning fail keeps it from being removed too; the next user of the place removes it.
        }
        finally
        {
            folder?.Dispose();
            parent.Dispose();
        }
    }

    /// <summary>Leaves the folder where it is, under a name that nobody removes: it has what could not be put back.</summary>
    public void Keep()
    {
        var other = KeptPrefix + name[Prefix.Length..];
        parent.Rename(name, parent, other);
        (name, kept) = (other, true);
    }

    public void Dispose()
    {
        try
        {
            if (!kept)
            {
                Remove(parent, name, Folder);
            }
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // The next user of the place removes it.
        }
        finally
        {
            Folder.Dispose();
            parent.Dispose();
        }
    }

    /// <summary>
    /// Between the making of a folder and its opening, its parent's owner can put another in its place. Ours is empty, belongs to
    /// who owns a new file in it, and is as closed to others as such a file: that holds too where a file system has one owner for
    /// all, or where a server takes root for nobody.
    /// </summary>
    private static void RequireOurs(FolderHandle folder)
    {
        var self = folder.Self;
        var isEmpty = folder.Names().Count == 0;
        folder.CreateFile(Probe).Dispose();
        var file = folder.Look(Probe);
        folder.Remove(Probe);
        if (!isEmpty || file is not { } own || own.User != self.User || (self.Mode >= 0 && (self.Mode & ~own.Mode & OthersAll) != 0))
        {
            throw new IOException($"Another folder was put in the place of '{PathCodec.Display(folder.Path)}' while it was made.");
        }
    }

    private static void Remove(FolderHandle parent, string name, FolderHandle folder)
    {
        FolderTree.Clear(folder);
        if (parent.Look(name) is { } there && there.IsSameAs(folder.Self))
        {
            parent.RemoveFolder(name);
        }
    }

    private static void RemoveOrphans(FolderHandle parent)
    {
        foreach (var name in NamesOf(parent).Where(IsOrphan).ToList())
        {
            try
            {
                using var folder = parent.OpenFolder(name);
                ThrowawayServer.StopOrphan(folder.Path);
                Remove(parent, name, folder);
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                // It belongs to another user, who will remove it; or it is no folder.
            }
        }
    }

    private static IReadOnlyList<string> NamesOf(FolderHandle parent)
    {
        try
        {
            return parent.Names();
        }
        catch (UnauthorizedAccessException)
        {
            // A folder that may be written but not listed.
            return [];
        }
    }

    private static bool IsOrphan(string name) =>
        name.StartsWith(Prefix, StringComparison.Ordinal)
        && name[Prefix.Length..].Split('-') is { Length: 3 } words
        && int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
        && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var started)
        && ProcessIdentity.IsGone(new LeaseContent { Place = ProcessIdentity.Place, ProcessId = process, ProcessStarted = started });
}
