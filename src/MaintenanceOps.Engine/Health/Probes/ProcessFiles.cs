using System.Globalization;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>The files that a process has open and may have open, as Linux tells them of processes that this user may look at.</summary>
internal static class ProcessFiles
{
    public static int? Open(int process)
    {
        try
        {
            return OperatingSystem.IsLinux() ? Directory.EnumerateFileSystemEntries($"/proc/{process}/fd").Count() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Whether it has ended, and only waits for its parent to ask how.</summary>
    public static bool IsDead(int process)
    {
        try
        {
            // The name stands in brackets and may hold anything; the state follows the last one.
            var stat = OperatingSystem.IsLinux() ? File.ReadAllText($"/proc/{process}/stat") : "";
            return stat.LastIndexOf(')') is > 0 and var end && stat.Length > end + 2 && stat[end + 2] is 'Z' or 'X';
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    public static int? Limit(int process)
    {
        try
        {
            var line = OperatingSystem.IsLinux() ? File.ReadLines($"/proc/{process}/limits").FirstOrDefault(l => l.StartsWith("Max open files", StringComparison.Ordinal)) : null;
            return line is not null && int.TryParse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[3], NumberStyles.None, CultureInfo.InvariantCulture, out var limit) ? limit : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
