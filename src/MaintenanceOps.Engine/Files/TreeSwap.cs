namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Moves staged entries over existing ones. What was there moves aside and comes back, in reverse order, if any step
/// fails; a file is never missing for longer than between two renames.
/// </summary>
internal sealed class TreeSwap(TreeAccess access, Selection selection, string staged, string aside, string destination)
{
    private readonly Stack<Action> undo = new();
    private int moved;

    public void Run(CancellationToken cancellation)
    {
        access.CreateFolder(aside);
        try
        {
            foreach (var entry in selection.Entries)
            {
                cancellation.ThrowIfCancellationRequested();
                if (entry.Path.Length > 0)
                {
                    Place(entry);
                }
            }
        }
        catch
        {
            while (undo.TryPop(out var step))
            {
                step();
            }

            throw;
        }
    }

    private void Place(FileEntry entry)
    {
        var target = TreeAccess.Join(destination, entry.Path);
        MakeParents(entry.Path);
        var there = access.Facts(target);
        if (entry.Kind == EntryKind.Folder)
        {
            MakeFolder(target, there);
            return;
        }

        if (there is not null)
        {
            MoveAside(target);
        }

        var from = TreeAccess.Join(staged, entry.Path);
        access.Rename(from, target);
        undo.Push(() => access.Rename(target, from));
    }

    private void MakeParents(string path)
    {
        for (var slash = path.IndexOf('/', StringComparison.Ordinal); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            var folder = TreeAccess.Join(destination, path[..slash]);
            MakeFolder(folder, access.Facts(folder));
        }
    }

    /// <summary>A link in the place of a folder would lead out of the destination, so it moves aside like a file.</summary>
    private void MakeFolder(string path, FileFacts? there)
    {
        if (there?.Kind == EntryKind.Folder)
        {
            return;
        }

        if (there is not null)
        {
            MoveAside(path);
        }

        access.CreateFolder(path);
        undo.Push(() => access.RemoveFolder(path));
    }

    private void MoveAside(string target)
    {
        var kept = TreeAccess.Join(aside, (moved++).ToString(System.Globalization.CultureInfo.InvariantCulture));
        access.Rename(target, kept);
        undo.Push(() => access.Rename(kept, target));
    }
}
