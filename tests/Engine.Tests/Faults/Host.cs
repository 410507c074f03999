using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.FaultHost;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>The process that dies in the middle of a scenario.</summary>
internal static class Host
{
    private static string Program => Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "MaintenanceOps.FaultHost.exe" : "MaintenanceOps.FaultHost");

    /// <summary>Begins what goes on beside the test.</summary>
    public static Process Begin(string role, string place, int seed) =>
        Process.Start(new ProcessStartInfo(Program, [role, place, seed.ToString(CultureInfo.InvariantCulture)]))!;

    /// <returns>137 where it was killed; what it printed, which at step 0 is a letter for each step.</returns>
    public static (int Exit, string Output) Start(string scenario, string place, int step, FaultMode mode)
    {
        using var process = Process.Start(new ProcessStartInfo(Program, [scenario, place, step.ToString(CultureInfo.InvariantCulture), mode.ToString()])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        var text = process.StandardOutput.ReadToEnd();
        var errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, text.Trim() + errors.Trim());
    }
}
