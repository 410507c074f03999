namespace MaintenanceOps;

/// <summary>What one check saw within a window of time.</summary>
public sealed record HealthHistory
{
    /// <summary>The check's name; with <c>application/</c> before it where it came from a plan.</summary>
    public required string Name { get; init; }

    /// <summary>How far back the window reaches from now.</summary>
    public required TimeSpan Window { get; init; }

    /// <summary>The looks in it, those in maintenance mode among them.</summary>
    public long Looks { get; init; }

    /// <summary>
    /// The share of looks, from 0 to 1, that saw it healthy or degraded. Looks in maintenance mode are left out, unknown ones
    /// count as down; null where no look is left.
    /// </summary>
    public double? Uptime { get; init; }

    /// <summary>Looks that saw it healthy.</summary>
    public long Healthy { get; init; }

    /// <summary>Looks that saw it degraded.</summary>
    public long Degraded { get; init; }

    /// <summary>Looks that saw it unhealthy.</summary>
    public long Unhealthy { get; init; }

    /// <summary>Looks that could not tell.</summary>
    public long Unknown { get; init; }

    /// <summary>Looks in maintenance mode.</summary>
    public long InMaintenance { get; init; }

    /// <summary>Half of the looks that found it up took at most this long (nearest rank, exact); null where none did.</summary>
    public TimeSpan? P50 { get; init; }

    /// <summary>95 of 100 did.</summary>
    public TimeSpan? P95 { get; init; }

    /// <summary>99 of 100 did.</summary>
    public TimeSpan? P99 { get; init; }

    /// <summary>What the last look saw.</summary>
    public HealthStatus Status { get; init; }

    /// <summary>How many looks in a row saw that.</summary>
    public int Streak { get; init; }

    /// <summary>Since when, in UTC.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>When it was last looked at, in UTC.</summary>
    public DateTimeOffset LastLook { get; init; }

    /// <summary>Whether it was flapping at the last look.</summary>
    public bool Flapping { get; init; }

    /// <summary>Lines of the history that could not be read.</summary>
    public long Malformed { get; init; }
}
