namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Which snapshots are wanted. Every condition that is set must hold.</summary>
public sealed record SnapshotFilter
{
    /// <summary>Source names; <c>*</c> and <c>?</c> stand for any characters.</summary>
    public IReadOnlyList<string> Sources { get; init; } = [];

    /// <summary>Tags, all of which a snapshot must have.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Only snapshots taken before this moment.</summary>
    public DateTimeOffset? Before { get; init; }

    /// <summary>Only snapshots taken at this moment or after it.</summary>
    public DateTimeOffset? After { get; init; }

    /// <summary>Only snapshots whose content was checked or restored: complete, and in state Checked or Restored.</summary>
    public bool Verified { get; init; }

    /// <summary>Only the newest one of each source.</summary>
    public bool Latest { get; init; }
}
