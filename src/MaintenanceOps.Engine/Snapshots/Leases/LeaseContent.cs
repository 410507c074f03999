namespace MaintenanceOps.Engine.Snapshots.Leases;

/// <summary>What a lease object says about its holder.</summary>
internal sealed record LeaseContent
{
    /// <summary>Who holds it: a random word, new for every lease.</summary>
    public string Token { get; init; } = "";

    /// <summary>What for, such as <c>backup of app/main</c>.</summary>
    public string Purpose { get; init; } = "";

    /// <summary>The machine, boot and process space in which <see cref="ProcessId"/> means something.</summary>
    public string Place { get; init; } = "";

    /// <summary>The host's name, for people.</summary>
    public string Host { get; init; } = "";

    public int ProcessId { get; init; }

    /// <summary>Tells a process from a later one with the same number.</summary>
    public long ProcessStarted { get; init; }

    /// <summary>Counts the renewals. A lease whose count stands still for its duration has no holder any more.</summary>
    public long Beat { get; init; }

    public double DurationSeconds { get; init; }

    public override string ToString() => $"{Purpose} by process {ProcessId} on {Host}";
}
