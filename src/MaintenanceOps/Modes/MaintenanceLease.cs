namespace MaintenanceOps;

/// <summary>One claim on maintenance mode, which ends by itself.</summary>
public sealed record MaintenanceLease
{
    /// <summary>What the one who took it ends it by.</summary>
    public required string Id { get; init; }

    /// <summary>When it was taken, in UTC.</summary>
    public required DateTimeOffset Since { get; init; }

    /// <summary>When it ends by itself, in UTC.</summary>
    public required DateTimeOffset Until { get; init; }

    /// <summary>Why.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Who: <c>user@machine</c>.</summary>
    public string By { get; init; } = "";

    /// <summary>The address of the Alertmanager silence that goes with it; empty where there is none.</summary>
    public string Silence { get; init; } = "";
}
