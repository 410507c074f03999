namespace MaintenanceOps.Runner.Cli;

/// <summary>What the process tells its caller. The numbers are part of the contract with scripts.</summary>
internal enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,

    /// <summary>A check ran to its end and said no.</summary>
    Unhealthy = 3,

    /// <summary>Ctrl+C or SIGTERM: 128 + 2, as shells have it.</summary>
    Interrupted = 130,
}
