namespace MaintenanceOps;

/// <summary>Whether an application is closed to its users, since when, and until when at the latest.</summary>
public sealed record MaintenanceMode
{
    /// <summary>The flag file: the web server answers 503 while it exists.</summary>
    public required string FlagPath { get; init; }

    /// <summary>Whether the application is closed.</summary>
    public bool Enabled { get; init; }

    /// <summary>When it was closed, in UTC; null where it is open, or where somebody made the flag by hand.</summary>
    public DateTimeOffset? Since { get; init; }

    /// <summary>When the last lease ends by itself, in UTC; null where it is open, or where a flag made by hand stays until it is taken away.</summary>
    public DateTimeOffset? Until { get; init; }

    /// <summary>Why, as whoever closed it last and still holds it has said.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Who: <c>user@machine</c>.</summary>
    public string By { get; init; } = "";

    /// <summary>The leases that keep it closed, the oldest first. It opens when the last one has ended.</summary>
    public IReadOnlyList<MaintenanceLease> Leases { get; init; } = [];
}
