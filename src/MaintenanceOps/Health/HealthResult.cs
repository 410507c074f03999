namespace MaintenanceOps;

/// <summary>What one check saw at one moment, and how that stands beside what it saw before.</summary>
public sealed record HealthResult
{
    /// <summary>The check's name.</summary>
    public required string Name { get; init; }

    /// <summary>What kind of probe looked: <c>http</c>, <c>tcp</c>, <c>tls</c>, <c>disk</c>, …</summary>
    public required string Kind { get; init; }

    /// <summary>What it looked at, without anything secret.</summary>
    public required string Target { get; init; }

    /// <summary>What was seen now.</summary>
    public required HealthStatus Status { get; init; }

    /// <summary>The state with the check's thresholds applied: it turns bad after so many bad looks in a row, and good after so many good ones.</summary>
    public HealthStatus Confirmed { get; init; }

    /// <summary>How long the look took that counts, without earlier attempts.</summary>
    public TimeSpan Latency { get; init; }

    /// <summary>Why it is so, in a sentence.</summary>
    public string Reason { get; init; } = "";

    /// <summary>When it was seen, in UTC.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>How often the probe looked before it believed what it saw.</summary>
    public int Attempts { get; init; }

    /// <summary>How many looks in a row saw this status, with this one.</summary>
    public int Streak { get; init; } = 1;

    /// <summary>When the status was first seen in this row, in UTC.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>Whether the status changes so often that single changes say little.</summary>
    public bool Flapping { get; init; }

    /// <summary>Whether the application was in maintenance mode: it is still probed, and nobody needs to be woken.</summary>
    public bool InMaintenance { get; init; }

    /// <summary>What was measured, by name: sizes in bytes, shares from 0 to 1, moments in UTC.</summary>
    public IReadOnlyDictionary<string, object> Facts { get; init; } = new Dictionary<string, object>();

    /// <summary>Name, status and reason.</summary>
    public override string ToString() => Reason.Length > 0 ? $"{Name}: {Status}, {Reason}" : $"{Name}: {Status}";
}
