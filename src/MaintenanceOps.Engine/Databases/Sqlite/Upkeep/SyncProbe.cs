using System.Diagnostics;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>Measures how long a small write takes until it is on the disk of a folder.</summary>
internal static class SyncProbe
{
    private const int Samples = 7;

    /// <summary>A disk that is this slow has been measured enough.</summary>
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(1);

    /// <summary>The median; null where the folder cannot be written.</summary>
    public static TimeSpan? Measure(string folder)
    {
        try
        {
            var path = Path.Combine(folder, $".mops-sync-{Guid.NewGuid():N}");
            using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.Delete, 0, FileOptions.DeleteOnClose);
            if (!OperatingSystem.IsWindows())
            {
                // Without a name it goes even if this process is killed; Windows deletes it with the handle.
                File.Delete(path);
            }

            return Median(file);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return null;
        }
    }

    private static TimeSpan Median(FileStream file)
    {
        var page = new byte[4096];
        var times = new List<TimeSpan>();
        for (var all = Stopwatch.StartNew(); times.Count < Samples && (times.Count == 0 || all.Elapsed < Limit);)
        {
            var one = Stopwatch.StartNew();
            file.Write(page);
            file.Flush(flushToDisk: true);
            times.Add(one.Elapsed);
        }

        times.Sort();
        return times[times.Count / 2];
    }
}
