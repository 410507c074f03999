namespace MaintenanceOps;

/// <summary>One change of maintenance mode, as the history beside the flag keeps it.</summary>
public sealed record MaintenanceModeEvent
{
    /// <summary>When, in UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>What happened.</summary>
    public required MaintenanceModeAction Action { get; init; }

    /// <summary>The lease that it happened to.</summary>
    public required MaintenanceLease Lease { get; init; }
}

/// <summary>What can happen to a lease on maintenance mode.</summary>
public enum MaintenanceModeAction
{
    /// <summary>It was taken.</summary>
    Entered,

    /// <summary>It was given more time.</summary>
    Extended,

    /// <summary>It was ended.</summary>
    Left,

    /// <summary>It ended by itself.</summary>
    Expired,
}
