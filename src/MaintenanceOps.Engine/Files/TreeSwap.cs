using System.Globalization;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Brings staged entries into place by renames. What was there changes places with them, and back again, in reverse order,
/// if any step fails. A folder that the destination does not have comes in one step with all that is in it.
/// </summary>
/// <param name="areas">Where the entries are staged.</param>
/// <param name="tree">The destination.</param>
/// <param name="survey">What may move out of the way: nothing else does.</param>
/// <param name="databases">The entries that are SQLite databases.</param>
internal sealed class TreeSwap(StagingAreas areas, FolderTree tree, DestinationSurvey survey, IReadOnlySet<string> databases)
{
    private const int Busy = 16;
    private const int OtherVolume = 18;
    private readonly Stack<Action> undo = new();
    private readonly HashSet<string> passed = new(StringComparer.Ordinal);
    private string whole = "";
    private int moved;

    /// <summary>Brings the entries into place, and makes that durable.</summary>
    /// <param name="paths">Their paths with their kinds, a folder before what is in it.</param>
    /// <param name="cancellation">Ends the work; the destination is then as it was.</param>
    /// <exception cref="MaintenanceException">
    /// Whatever failed. Where something could not be moved back either, the message says where it is.
    /// </exception>
    public void Run(IEnumerable<(string Path, bool IsFolder)> paths, CancellationToken cancellation)
    {
        try
        {
            foreach (var (path, isFolder) in paths)
            {
                cancellation.ThrowIfCancellationRequested();
                Bring(path, isFolder);
            }

            foreach (var area in areas.All)
            {
                Sync(area);
            }
        }
        catch (Exception e)
        {
            var failures = Undo();
            if (failures.Count > 0)
            {
                throw NotUndone(e, failures);
            }

            throw;
        }
    }

    public static MaintenanceException MountInTheWay(string path, Exception? inner = null) => new(
        ErrorCode.MountInTheWay,
        $"'{PathCodec.Display(path)}' is mounted, or lies on another volume than the folder that it is in, so nothing can take its place. Nothing was changed. Leave it out with -Exclude, unmount it for the restore, or restore to another folder and copy from there.",
        PathCodec.Display(path),
        inner);

    private void Bring(string path, bool isFolder)
    {
        if (whole.Length > 0 && FolderTree.IsBelow(path, whole))
        {
            return;
        }

        whole = "";
        BringParents(path);
        if (whole.Length > 0)
        {
            return;
        }

        if (isFolder)
        {
            BringFolder(path);
            return;
        }

        if (databases.Contains(path) || survey.Databases.ContainsKey(path))
        {
            MoveLogsAside(path);
        }

        Take(path);
    }

    /// <summary>Folders that the snapshot only passes through have no entry of their own.</summary>
    private void BringParents(string path)
    {
        for (var slash = path.IndexOf('/'); slash > 0 && whole.Length == 0; slash = path.IndexOf('/', slash + 1))
        {
            BringFolder(path[..slash]);
        }
    }

    private void BringFolder(string path)
    {
        if (!passed.Add(path))
        {
            return;
        }

        if (!survey.HasFolder(path))
        {
            areas.Of(path).Brought.Forget(path);
            Take(path);
            whole = path;
        }
    }

    private void Take(string path)
    {
        var area = areas.Of(path);
        using var from = area.Brought.OpenParent(path);
        using var to = tree.OpenParent(path);
        var name = FolderTree.NameOf(path);
        try
        {
            if (!survey.Conflicts.Contains(path))
            {
                from.Folder.Rename(name, to.Folder, name);
                undo.Push(() => TakeBack(path));
            }
            else if (TryExchange(path, from.Folder, to.Folder, name))
            {
                undo.Push(() => ExchangeBack(path));
            }
            else
            {
                MoveAside(path);
                from.Folder.Rename(name, to.Folder, name);
                undo.Push(() => TakeBack(path));
            }
        }
        catch (IOException e) when (e.HResult is Busy or OtherVolume)
        {
            throw MountInTheWay(TreeAccess.Join(to.Folder.Path, name), e);
        }
    }

    private bool TryExchange(string path, FolderHandle from, FolderHandle to, string name)
    {
        tree.Forget(path);
        return from.TryExchange(name, to, name);
    }

    private void TakeBack(string path)
    {
        var area = areas.Of(path);
        tree.Forget(path);
        using var from = tree.OpenParent(path);
        using var to = area.Brought.OpenParent(path);
        var name = FolderTree.NameOf(path);
        from.Folder.Rename(name, to.Folder, name);
    }

    private void ExchangeBack(string path)
    {
        var area = areas.Of(path);
        tree.Forget(path);
        area.Brought.Forget(path);
        using var from = area.Brought.OpenParent(path);
        using var to = tree.OpenParent(path);
        var name = FolderTree.NameOf(path);
        from.Folder.TryExchange(name, to.Folder, name);
    }

    /// <summary>The database first takes in what its logs hold, so that it is whole in every moment from here on.</summary>
    private void MoveLogsAside(string path)
    {
        var logs = DatabaseLogs.Suffixes.Select(s => path + s).Where(survey.Databases.ContainsKey).ToList();
        if (logs.Count > 0 && survey.Databases.ContainsKey(path))
        {
            using var folder = tree.OpenParent(path);
            DatabaseLogs.Settle(TreeAccess.Join(folder.Folder.Path, FolderTree.NameOf(path)));
        }

        foreach (var log in logs)
        {
            using var folder = tree.OpenParent(log);
            if (folder.Folder.Look(FolderTree.NameOf(log)) is not null)
            {
                MoveAside(log);
            }
        }
    }

    private void MoveAside(string path)
    {
        var old = areas.Of(path).Old;
        var kept = (moved++).ToString(CultureInfo.InvariantCulture);
        using var folder = tree.OpenParent(path);
        folder.Folder.Rename(FolderTree.NameOf(path), old, kept);
        undo.Push(() =>
        {
            using var back = tree.OpenParent(path);
            old.Rename(kept, back.Folder, FolderTree.NameOf(path));
        });
    }

    private void Sync(StagingArea area)
    {
        if (DurableFiles.CanSyncVolume)
        {
            area.Folder.SyncVolume();
        }
        else
        {
            using var folder = tree.Open(area.Below);
            folder.Folder.Sync();
        }
    }

    /// <summary>Takes every step back that was made; one that cannot be does not keep the others from it.</summary>
    private List<Exception> Undo()
    {
        var failures = new List<Exception>();
        while (undo.TryPop(out var step))
        {
            try
            {
                step();
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                failures.Add(e);
            }
        }

        return failures;
    }

    private MaintenanceException NotUndone(Exception cause, List<Exception> failures)
    {
        foreach (var area in areas.All)
        {
            area.Keep();
        }

        var places = string.Join(", ", areas.All.Select(a => $"'{PathCodec.Display(a.Path)}'"));
        return new MaintenanceException(
            ErrorCode.InputOutput,
            $"The restore failed: {cause.Message} {failures.Count} of the steps that it had made could not be taken back; what they moved is kept in {places}: {string.Join(" ", failures.Take(5).Select(f => f.Message))}",
            areas.All[0].Path,
            new AggregateException([cause, .. failures]));
    }
}
