using System.Globalization;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Puts a staged database in its place. The old state is the old file alone (<see cref="CommitWatch.HoldWriters"/>), so a
/// process that dies at any step leaves the old state or the new one.
/// <list type="number">
/// <item>The old file gets a second name.</item>
/// <item>Its empty log is moved aside: SQLite would bring its pages into the new file.</item>
/// <item>One rename puts the new file in its place.</item>
/// <item>The new file is checked where it lies now.</item>
/// </list>
/// </summary>
internal sealed class SqliteSwap(string target, RestoreFiles place, DateTimeOffset now)
{
    private readonly DurableFiles files = DurableFiles.Default;
    private readonly UndoList undo = new();
    private readonly bool replaces = File.Exists(target);

    /// <summary>Whether the old file is still needed under its second name, because it could not be put back.</summary>
    public bool OldIsNeeded { get; private set; }

    /// <summary>Swaps the file in.</summary>
    /// <param name="check">Looks at the new file in its place, and at who has the old one; throws where it must not stay.</param>
    /// <exception cref="MaintenanceException">The swap failed. The old state is back, or the message says where it is.</exception>
    public void Run(Action check)
    {
        try
        {
            Swap();
            var placed = TreeAccess.Current.Facts(target);
            try
            {
                check();
            }
            catch (Exception e) when ((e is MaintenanceException or SqliteException || IoErrors.IsKnown(e)) && WasWritten(placed))
            {
                throw KeptBoth(e);
            }
        }
        catch (Exception e) when (!OldIsNeeded)
        {
            Undo(e);
            throw;
        }
    }

    /// <summary>Keeps the log of a database that was moved away, where it was moved aside by this swap.</summary>
    /// <returns>Where it is.</returns>
    public IEnumerable<string> KeepLogs() => replaces ? [] : KeepLogs(place.Old, target, now);

    /// <summary>
    /// Keeps the log of a database that was moved away and left it behind: the last commits of that database may be in it.
    /// </summary>
    /// <param name="from">The path that it is the log of.</param>
    /// <param name="target">The database whose name it keeps.</param>
    /// <param name="now">Becomes part of the name.</param>
    /// <returns>Where it is.</returns>
    public static IEnumerable<string> KeepLogs(string from, string target, DateTimeOffset now)
    {
        foreach (var log in RestoreFiles.Logs.Where(s => s != "-shm" && new FileInfo(from + s) is { Exists: true, Length: > 0 }))
        {
            var kept = NameFor(target, now) + log;
            DurableFiles.Default.Rename(from + log, kept, overwrite: false);
            yield return kept;
        }
    }

    /// <summary>Tells of a log that was kept.</summary>
    public static string WordsOfKept(string given, string kept) =>
        $"A log lay at '{given}' without its database. It is kept as '{kept}': if the database was moved away, it belongs beside it.";

    private void Swap()
    {
        if (replaces)
        {
            KeepOld();
        }

        foreach (var log in RestoreFiles.Logs.Where(s => File.Exists(target + s)))
        {
            undo.Add($"put '{target}{log}' back", () => MoveBack(place.Old + log, target + log));
            files.Rename(target + log, place.Old + log, overwrite: false);
        }

        if (replaces)
        {
            undo.Add($"put the old '{target}' back", () => files.Rename(place.Old, target, overwrite: true));
            undo.Add("remove the log of the new file", RemoveLogs);
            files.Rename(place.Staged, target, overwrite: true);
        }
        else
        {
            PutNew();
        }

        files.SyncDirectory(place.Folder);
    }

    private void KeepOld()
    {
        if (!files.TryLink(target, place.Old))
        {
            throw new IOException($"'{place.Old}' appeared while '{target}' was being restored. Does another restore run?");
        }

        if (!File.Exists(target))
        {
            // Windows moves instead of linking: put it back as a copy, so that the target is never missing.
            File.Copy(place.Old, target);
        }
    }

    /// <summary>Where nothing was, a rename would replace what another process has made meanwhile; a link does not.</summary>
    private void PutNew()
    {
        if (!files.TryLink(place.Staged, target))
        {
            throw new MaintenanceException(ErrorCode.DestinationInUse, $"'{target}' did not exist when the restore began and does now. Look whose it is, and run the restore again with -Force to replace it.", target);
        }

        undo.Add($"remove '{target}'", () => files.Delete(target));
        undo.Add("remove the log of the new file", RemoveLogs);
    }

    private void RemoveLogs()
    {
        foreach (var log in RestoreFiles.Logs)
        {
            files.Delete(target + log);
        }
    }

    private void MoveBack(string from, string to)
    {
        if (File.Exists(from))
        {
            files.Rename(from, to, overwrite: true);
        }
    }

    /// <summary>Whether somebody wrote into the new file, or its log, since it was put in its place.</summary>
    private bool WasWritten(FileFacts? placed)
    {
        var now = TreeAccess.Current.Facts(target);
        return now?.Inode != placed?.Inode || now?.Modified != placed?.Modified || now?.Size != placed?.Size
            || RestoreFiles.Logs.Any(s => s != "-shm" && new FileInfo(target + s) is { Exists: true, Length: > 0 });
    }

    /// <summary>Going back would lose what was committed to the new file, so both states stay.</summary>
    private MaintenanceException KeptBoth(Exception e)
    {
        OldIsNeeded = replaces;
        var kept = replaces ? $" The old state is '{Keep()}'." : "";
        return new MaintenanceException(
            ErrorCode.VerificationFailed,
            $"Another process wrote into '{target}' as soon as it was restored, and the check after that failed: {e.Message} The restored file was checked before it was put there, so it stays.{kept}",
            target,
            e);
    }

    private void Undo(Exception e)
    {
        var failures = undo.Run().ToList();
        try
        {
            files.SyncDirectory(place.Folder);
        }
        catch (Exception f) when (IoErrors.IsKnown(f))
        {
            failures.Add($"could not make '{place.Folder}' durable: {f.Message}");
        }

        if (failures.Count == 0)
        {
            return;
        }

        OldIsNeeded = replaces && File.Exists(place.Old);
        var where = OldIsNeeded ? $" The old state is '{Keep()}'." : "";
        throw new MaintenanceException(
            e is MaintenanceException m ? m.Code : ErrorCode.InputOutput,
            $"The restore of '{target}' failed: {e.Message} Bringing the old state back failed in part: {string.Join("; ", failures)}.{where}",
            target,
            e);
    }

    /// <summary>Gives the old file a name that no later restore removes.</summary>
    private string Keep()
    {
        var kept = NameFor(target, now);
        try
        {
            files.Rename(place.Old, kept, overwrite: false);
            return kept;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return place.Old;
        }
    }

    /// <summary>The name under which old files are kept beside a database.</summary>
    public static string NameFor(string target, DateTimeOffset now) =>
        $"{target}.before-restore-{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}";
}
