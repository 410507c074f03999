
namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Finds the processes that have a database open: a file replaced under them would go on being written.</summary>
internal static class DatabaseUsers
{
    /// <summary>Processes other than this one that have the file or its log open, as <c>name (number)</c>.</summary>
    /// <remarks>
    /// Linux tells, for the processes that this user may look at. Windows refuses to replace an open file, so there the
    /// test is whether it can be opened alone. On macOS nothing is found.
    /// </remarks>
    public static IReadOnlyList<string> Of(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            return OnLinux(path);
        }

        if (OperatingSystem.IsWindows())
        {
            try
            {
                using var alone = File.Open(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                return ["another process"];
            }
        }

        return [];
    }

    private static List<string> OnLinux(string path)
    {
        string[] wanted = [path, path + "-wal", path + "-shm", path + "-journal"];
        var users = new List<string>();
        foreach (var process in Directory.EnumerateDirectories("/proc").Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0])))
        {
            if (Path.GetFileName(process) == Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture))
            {
                continue;
            }

            try
            {
                if (Directory.EnumerateFiles(Path.Combine(process, "fd")).Any(f => wanted.Contains(new FileInfo(f).LinkTarget)))
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
}
