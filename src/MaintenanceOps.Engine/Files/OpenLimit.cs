using System.Globalization;

namespace MaintenanceOps.Engine.Files;

/// <summary>How many files and folders a restore holds open: few where the process may open few.</summary>
internal static class OpenLimit
{
    private const int TooManyOpen = 24;
    private const int TooManyOnMachine = 23;

    /// <summary>What the process may have open at once; a large number where the system does not tell.</summary>
    private static readonly int limit = Read();

    public static int Folders => Math.Clamp(limit / 10, 3, 64);

    public static int Files => Math.Clamp(limit / 10, 2, 256);

    /// <summary>Opens something; where too much is open, once more after some of it was closed.</summary>
    public static T Retry<T>(Func<T> open, Action closeSome)
    {
        try
        {
            return open();
        }
        catch (IOException e) when (e.HResult is TooManyOpen or TooManyOnMachine)
        {
            closeSome();
            return open();
        }
    }

    private static int Read()
    {
        try
        {
            var line = OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/limits").First(l => l.StartsWith("Max open files", StringComparison.Ordinal)) : "";
            var words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            return words.Length > 3 && int.TryParse(words[3], NumberStyles.None, CultureInfo.InvariantCulture, out var soft) ? soft : 4096;
        }
        catch (Exception e) when (Storage.IoErrors.IsKnown(e) || e is InvalidOperationException)
        {
            return 4096;
        }
    }
}
