using System.Diagnostics;

namespace MaintenanceOps.Engine.Snapshots.Leases;

/// <summary>Tells whether a process that wrote its name down still lives, where that can be known at once.</summary>
internal static class ProcessIdentity
{
    /// <summary>
    /// The machine, its boot and its process name space. Two processes with the same place can look each other up; two
    /// containers with the same host name have different places. Empty where only the host's name is known: then nobody is
    /// taken for dead at once, and a lease is watched for its duration.
    /// </summary>
    public static string Place { get; } = BootId() is { Length: > 0 } boot ? string.Join('/', Environment.MachineName, boot, ProcessSpace()) : "";

    public static long Started { get; } = StartOf(Environment.ProcessId) ?? 0;

    /// <summary>True where the process is known to be gone; false where it lives or nothing can be known.</summary>
    public static bool IsGone(LeaseContent lease) =>
        Place.Length > 0 && lease.Place == Place && StartOf(lease.ProcessId) != lease.ProcessStarted;

    private static long? StartOf(int processId)
    {
        try
        {
            if (OperatingSystem.IsLinux())
            {
                // Field 22 of stat: the start in clock ticks since boot. It does not move when the wall clock is set.
                var stat = File.ReadAllText($"/proc/{processId}/stat");
                var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
                return fields[0] == "Z" ? null : long.Parse(fields[19], System.Globalization.CultureInfo.InvariantCulture);
            }

            using var process = Process.GetProcessById(processId);
            return process.StartTime.ToUniversalTime().Ticks / TimeSpan.TicksPerSecond;
        }
        catch (Exception e) when (e is ArgumentException or IOException or UnauthorizedAccessException or InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }

    private static string BootId() => ReadOrEmpty(() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    private static string ProcessSpace() => ReadOrEmpty(() => new FileInfo("/proc/self/ns/pid").LinkTarget ?? "");

    private static string ReadOrEmpty(Func<string> read)
    {
        try
        {
            return OperatingSystem.IsLinux() ? read() : "";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
