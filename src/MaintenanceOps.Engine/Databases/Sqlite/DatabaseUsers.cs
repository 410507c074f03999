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

    /// <summary>Who goes on writing into databases that were deleted, or replaced, at these paths.</summary>
    /// <param name="paths">Where they were; links in them were followed.</param>
    /// <returns>Paths with processes as <see cref="Of"/> names them.</returns>
    public static IEnumerable<(string Path, string User)> OfDeleted(IReadOnlySet<string> paths) =>
        from process in OperatingSystem.IsLinux() && paths.Count > 0 ? OtherProcesses() : []
        from path in Descriptors(process).Select(PathIfDeleted).OfType<string>().Where(paths.Contains).Distinct()
        select (path, Describe(process));

    private static List<string> OnLinux(string path, bool deletedToo)
    {
        var files = RestoreFiles.Logs.Prepend("").Select(s => FileIdentity.Of(path + s)).OfType<FileIdentity>().ToHashSet();
        return [.. OtherProcesses().Where(p => Descriptors(p).Any(IsOfIt)).Select(Describe)];

        bool IsOfIt(string descriptor) =>
            (FileIdentity.Of(descriptor) is { } open && files.Contains(open)) || (deletedToo && PathIfDeleted(descriptor) == path);
    }

    private static IEnumerable<string> OtherProcesses() => Directory.EnumerateDirectories("/proc")
        .Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0]) && Path.GetFileName(d) != Environment.ProcessId.ToString(CultureInfo.InvariantCulture));

    /// <summary>What a process has open; nothing where it ended meanwhile, or belongs to somebody else.</summary>
    private static string[] Descriptors(string process) => Try(() => Directory.GetFiles(Path.Combine(process, "fd"))) ?? [];

    private static string? PathIfDeleted(string descriptor) =>
        Try(() => new FileInfo(descriptor).LinkTarget) is { } target && target.EndsWith(Deleted, StringComparison.Ordinal) ? target[..^Deleted.Length] : null;

    private static string Describe(string process) =>
        $"{Try(() => File.ReadAllText(Path.Combine(process, "comm")).Trim()) ?? "process"} ({Path.GetFileName(process)})";

    private static T? Try<T>(Func<T> read)
        where T : class?
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
