using System.Globalization;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>How far a server that recovers has come, as far as it can be seen from outside: it lets nobody in before it is done.</summary>
internal static class RecoveryProgress
{
    /// <summary>
    /// A text that changes as long as it goes on: the title of the process that replays, which names the segment, and when
    /// the control file was last written, which tells of how far it came.
    /// </summary>
    public static string Of(string data)
    {
        try
        {
            var written = File.GetLastWriteTimeUtc(Path.Combine(data, "global", "pg_control")).Ticks;
            var process = File.ReadLines(Path.Combine(data, "postmaster.pid")).FirstOrDefault();
            var children = $"/proc/{process}/task/{process}/children";
            var titles = File.Exists(children)
                ? File.ReadAllText(children).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(Title).Where(t => t.Contains("startup", StringComparison.Ordinal))
                : [];
            return string.Create(CultureInfo.InvariantCulture, $"{written} {string.Join(' ', titles)}");
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return "";
        }
    }

    /// <summary>What a process says it does; the same words whether it reads a segment or waits for it.</summary>
    private static string Title(string process)
    {
        try
        {
            return File.ReadAllText($"/proc/{process}/cmdline").TrimEnd('\0').Replace("waiting for", "recovering", StringComparison.Ordinal);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // It ended meanwhile.
            return "";
        }
    }
}
