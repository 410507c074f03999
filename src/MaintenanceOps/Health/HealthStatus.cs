namespace MaintenanceOps;

/// <summary>What a probe saw.</summary>
public enum HealthStatus
{
    /// <summary>It could not be found out. Never counts as well.</summary>
    Unknown,

    /// <summary>All is as it should be.</summary>
    Healthy,

    /// <summary>It works, but slowly, or not for long any more.</summary>
    Degraded,

    /// <summary>It does not work.</summary>
    Unhealthy,
}
