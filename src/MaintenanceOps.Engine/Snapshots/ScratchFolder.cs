using System.Globalization;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots.Leases;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// A folder for work that must not outlive it: drills, comparisons, tables on their way. A killed process leaves its
/// folder behind; the next one that makes a folder in the same place removes it.
/// </summary>
internal sealed class ScratchFolder : IDisposable
{
    private const string Prefix = ".mops-scratch-";

    private ScratchFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>Makes a scratch folder in a parent folder; in the system's temporary folder where that is null.</summary>
    public static ScratchFolder Create(string? parent)
    {
        parent ??= System.IO.Path.GetTempPath();
        try
        {
            Directory.CreateDirectory(parent);
            RemoveOrphans(parent);
            var name = string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{ProcessIdentity.Started}-{Guid.NewGuid():N}");
            var path = System.IO.Path.Combine(parent, name);
            DurableFiles.Default.CreateDirectory(path);
            return new ScratchFolder(path);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "make a scratch folder in", parent);
        }
    }

    public void Dispose()
    {
        try
        {
            DurableFiles.Default.DeleteTree(Path);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // The next user of the place removes it.
        }
    }

    private static void RemoveOrphans(string parent)
    {
        foreach (var folder in Directory.EnumerateDirectories(parent, Prefix + "*").ToList())
        {
            var words = System.IO.Path.GetFileName(folder)[Prefix.Length..].Split('-');
            if (words.Length == 3
                && int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var process)
                && long.TryParse(words[1], NumberStyles.None, CultureInfo.InvariantCulture, out var started)
                && ProcessIdentity.IsGone(new LeaseContent { Place = ProcessIdentity.Place, ProcessId = process, ProcessStarted = started }))
            {
                try
                {
                    ThrowawayServer.StopOrphan(folder);
                    DurableFiles.Default.DeleteTree(folder);
                }
                catch (Exception e) when (IoErrors.IsKnown(e))
                {
                    // It belongs to another user, who will remove it.
                }
            }
        }
    }
}
