using System.Globalization;

namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>Looks at the memory of this machine: what can still be had without swapping.</summary>
public sealed class MemoryProbe(Amount? degraded = null, Amount? unhealthy = null) : IProbe
{
    private readonly Amount degraded = degraded ?? Amount.OfShare(0.15);
    private readonly Amount unhealthy = unhealthy ?? Amount.OfShare(0.05);

    /// <inheritdoc/>
    public string Kind => "memory";

    /// <inheritdoc/>
    public string Target => Environment.MachineName;

    /// <inheritdoc/>
    public Task<Observation> Observe(ProbeContext context)
    {
        var verdict = new Verdict();
        var (available, total, swapUsed) = Read();
        verdict.Fact("Total", total);
        verdict.Fact("Available", available);
        verdict.Fact("SwapUsed", swapUsed);
        var reason = $"{ByteSize.Format(available)} of {ByteSize.Format(total)} available";
        if (unhealthy.IsMoreThan(available, total))
        {
            verdict.Unhealthy($"{reason}, less than {unhealthy}");
        }
        else if (degraded.IsMoreThan(available, total))
        {
            verdict.Degraded($"{reason}, less than {degraded}");
        }

        return Task.FromResult(verdict.End(reason));
    }

    private static (long Available, long Total, long? SwapUsed) Read()
    {
        if (!OperatingSystem.IsLinux())
        {
            // What the runtime knows of the machine is as old as its last collection; one of the youngest is soon done.
            GC.Collect(0);
            var memory = GC.GetGCMemoryInfo();
            return (memory.TotalAvailableMemoryBytes - memory.MemoryLoadBytes, memory.TotalAvailableMemoryBytes, null);
        }

        var lines = File.ReadLines("/proc/meminfo")
            .Select(l => l.Split([':', ' '], StringSplitOptions.RemoveEmptyEntries))
            .Where(w => w.Length > 1)
            .ToDictionary(w => w[0], w => long.Parse(w[1], CultureInfo.InvariantCulture) * 1024);
        return (lines["MemAvailable"], lines["MemTotal"], lines["SwapTotal"] - lines["SwapFree"]);
    }
}
