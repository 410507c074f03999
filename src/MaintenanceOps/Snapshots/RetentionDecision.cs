namespace MaintenanceOps;

/// <summary>Whether a snapshot is kept, and why.</summary>
public sealed record RetentionDecision
{
    /// <summary>The snapshot.</summary>
    public required Snapshot Snapshot { get; init; }

    /// <summary>Whether it stays.</summary>
    public required bool Keep { get; init; }

    /// <summary>Why it stays, such as <c>daily 2026-11-21</c>; empty where it goes.</summary>
    public required IReadOnlyList<string> Reasons { get; init; }

    /// <summary>Whether it has been removed: false where it is kept or only the plan was asked for.</summary>
    public bool Removed { get; init; }

    /// <summary>The snapshot's id.</summary>
    public string Id => Snapshot.Id;

    /// <summary>The repository of the snapshot.</summary>
    public string Repository => Snapshot.Repository;

    /// <summary>The stable name of what was backed up.</summary>
    public string Source => Snapshot.Source;
}
