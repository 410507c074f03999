using System.Globalization;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// The files that a restore has beside its target while it runs: the staged database, and the old one with its log. They
/// lie in the target's own folder, so that one rename moves them, and their names say which process they belong to.
/// </summary>
internal sealed class RestoreFiles(string target, IOperationSink sink)
{
    /// <summary>What SQLite keeps beside a database.</summary>
    public static readonly string[] Logs = ["-wal", "-shm", "-journal"];

    private readonly DurableFiles files = DurableFiles.Default;
    private readonly string prefix = $".{ShortName(Path.GetFileName(target))}.mops-restore-";
    private readonly string own = string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId}-{ProcessIdentity.Started}-{Guid.NewGuid().ToString("N")[..8]}");

    public string Folder { get; } = Path.GetDirectoryName(target)!;

    /// <summary>The new database until it is swapped in.</summary>
    public string Staged => Path.Combine(Folder, $"{prefix}{own}.new");

    /// <summary>The old database, and with a suffix its log, until the restore has succeeded.</summary>
    public string Old => Path.Combine(Folder, $"{prefix}{own}.old");

    /// <summary>Removes what a killed restore left beside the target. The target itself is whole: it changes by one rename.</summary>
    public void RemoveLeftovers()
    {
        foreach (var file in Directory.EnumerateFiles(Folder).Where(f => Path.GetFileName(f).StartsWith(prefix, StringComparison.Ordinal) && IsOrphan(f)).ToList())
        {
            files.Delete(file);
        }
    }

    /// <summary>Tidies up. It must not make a failure of a restore that succeeded; the next restore removes what stays.</summary>
    public void Discard(bool oldToo)
    {
        foreach (var path in Logs.Prepend("").SelectMany(s => oldToo ? (string[])[Staged + s, Old + s] : [Staged + s]))
        {
            try
            {
                files.Delete(path);
            }
            catch (Exception e) when (IoErrors.IsKnown(e))
            {
                sink.Inform($"'{path}' could not be removed: {e.Message}");
            }
        }
    }

    /// <summary>A name takes 255 bytes at most, and something is put behind this one.</summary>
    private static string ShortName(string name) => name.Length <= 40 ? name : $"{name[..40]}-{ShortHash.Of(name)}";

    /// <summary>Whether the process that made it is gone. Another restore may be at work on the same database.</summary>
    private bool IsOrphan(string file)
    {
        var words = Path.GetFileName(file)[prefix.Length..].Split('-', '.');
        return words.Length < 3
            || !int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
            || !long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var started)
            || ProcessIdentity.Place.Length == 0
            || ProcessIdentity.IsGone(new LeaseContent { Place = ProcessIdentity.Place, ProcessId = process, ProcessStarted = started });
    }
}
