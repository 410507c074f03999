using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.FaultHost;

namespace MaintenanceOps.Engine.Tests.Faults;

/// <summary>The process that dies in the middle of a scenario.</summary>
internal static class Host
{
    /// <returns>137 where it was killed; what it printed, which at step 0 is a letter for each step.</returns>
    public static (int Exit, string Output) Start(string scenario, string place, int step, FaultMode mode)
    {
        var host = Path.Combine(AppContext.BaseDirectory, OperatingSystem.IsWindows() ? "MaintenanceOps.FaultHost.exe" : "MaintenanceOps.FaultHost");
        using var process = Process.Start(new ProcessStartInfo(host, [scenario, place, step.ToString(CultureInfo.InvariantCulture), mode.ToString()])
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
