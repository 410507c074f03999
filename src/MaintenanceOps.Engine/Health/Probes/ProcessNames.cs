using System.Diagnostics;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>
/// Finds processes by what somebody calls them. On Linux a process has several names: the short one that <c>ps</c> shows,
/// its program's file, and its command line, which the program may have replaced by a title. Elsewhere only the first is known.
/// </summary>
internal static class ProcessNames
{
    /// <summary>The processes, this one left out: its own command line has the name that it looks for.</summary>
    public static Process[] Find(string name)
    {
        var found = Process.GetProcessesByName(name).ToDictionary(p => p.Id);
        if (OperatingSystem.IsLinux())
        {
            foreach (var id in Numbers().Where(id => !found.ContainsKey(id) && IsCalled(id, name)))
            {
                if (Open(id) is { } process)
                {
                    found.Add(id, process);
                }
            }
        }

        if (found.Remove(Environment.ProcessId, out var self))
        {
            self.Dispose();
        }

        return [.. found.Values];
    }

    private static IEnumerable<int> Numbers() => Directory.EnumerateDirectories("/proc").Select(d => int.TryParse(Path.GetFileName(d), out var id) ? id : 0).Where(id => id > 0 && id != Environment.ProcessId);

    private static bool IsCalled(int id, string name) =>
        new CommandLine(Read($"/proc/{id}/cmdline"), Program(id)).IsCalled(name);

    private static string Read(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>The file that it runs; null where this user may not know.</summary>
    private static string? Program(int id)
    {
        const string Deleted = " (deleted)";
        try
        {
            var path = new FileInfo($"/proc/{id}/exe").LinkTarget;
            return path is not null && path.EndsWith(Deleted, StringComparison.Ordinal) ? path[..^Deleted.Length] : path;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Process? Open(int id)
    {
        try
        {
            return Process.GetProcessById(id);
        }
        catch (ArgumentException)
        {
            // It ended while we looked.
            return null;
        }
    }
}
