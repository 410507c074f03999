namespace MaintenanceOps.Engine.Health.Probes;

/// <summary>What a process may take; null does not limit.</summary>
public sealed record ProcessLimits
{
    /// <summary>How many must run.</summary>
    public int MinCount { get; init; } = 1;

    /// <summary>Bytes of resident memory of all of them.</summary>
    public long? MaxMemory { get; init; }

    /// <summary>Processors kept busy by all of them.</summary>
    public double? MaxCpu { get; init; }

    /// <summary>Files that all of them have open.</summary>
    public int? MaxOpenFiles { get; init; }
}
