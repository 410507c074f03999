using System.Globalization;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Finds the processes that have a database open: a file replaced under them would go on being written.</summary>
internal static class DatabaseUsers
{
    private const string Deleted = " (deleted)";

    /// <summary>Processes other than this one that have the file or its log open, as <c>name (number)</c>.</summary>
    /// <param name="path">The database; links are followed.</param>
    /// <param name="deletedToo">Also those that have open what was deleted at this path: they do not see what is put there.</param>
    /// <remarks>
    /// Linux tells, for the processes that this user may look at. Files are compared by volume and number, so a process
    /// that reached the file by another name, a bind mount or a container's own view is found. Windows refuses to replace
    /// an open file, so there the test is whether it can be opened alone. On macOS nothing is found.
    /// </remarks>
    public static IReadOnlyList<string> Of(string path, bool deletedToo = false)
    {
        var file = DatabaseLinks.Target(path);
        if (OperatingSystem.IsLinux())
        {
            return OnLinux(file, deletedToo);
        }

        if (OperatingSystem.IsWindows() && File.Exists(file))
        {
            try
            {
                using var alone = File.Open(file, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                return ["another process"];
            }
        }

        return [];
    }

    /// <summary>
    /// As <see cref="Of"/>, and where that finds nobody, whether somebody has it open whom we cannot see. For a moment when this
    /// process has no connection to it.
    /// </summary>
    public static IReadOnlyList<string> OfAnyone(string path, bool deletedToo = false)
    {
        var seen = Of(path, deletedToo);
        var file = DatabaseLinks.Target(path);
        return seen.Count > 0 || !RestoreFiles.Logs.Prepend("").Any(s => OpenFiles.Has(file + s)) ? seen : ["a process of another user or container"];
    }

    private static List<string> OnLinux(string path, bool deletedToo)
    {
        var files = RestoreFiles.Logs.Prepend("").Select(s => FileIdentity.Of(path + s)).OfType<FileIdentity>().ToHashSet();
        var users = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            if (Path.GetFileName(process) == Environment.ProcessId.ToString(CultureInfo.InvariantCulture))
            {
                continue;
            }

            try
            {
                if (Directory.EnumerateFiles(Path.Combine(process, "fd")).Any(f => Has(f, files, deletedToo ? path + Deleted : null)))
                {
                    users.Add($"{File.ReadAllText(Path.Combine(process, "comm")).Trim()} ({Path.GetFileName(process)})");
                }
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It ended while we looked, or belongs to somebody else.
            }
        }

        return users;
    }

    private static bool Has(string descriptor, HashSet<FileIdentity> files, string? deleted) =>
        (FileIdentity.Of(descriptor) is { } open && files.Contains(open)) || (deleted is not null && new FileInfo(descriptor).LinkTarget == deleted);
}
