namespace MaintenanceOps.Runner.Cli;

/// <summary>What the process tells its caller. The numbers are part of the contract with scripts.</summary>
internal enum ExitCode
{
    Done = 0,
    Failed = 1,
    Usage = 2,

    /// <summary>A check ran to its end and said no.</summary>
    Unhealthy = 3,

    /// <summary>What PostgreSQL takes as the end of a recovery, and not as the end of the log: anything above 125.</summary>
    RecoveryMustStop = 126,

    /// <summary>Ctrl+C or SIGTERM: 128 + 2, as shells have it.</summary>
    Interrupted = 130,
}
