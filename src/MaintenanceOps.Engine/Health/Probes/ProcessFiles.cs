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
