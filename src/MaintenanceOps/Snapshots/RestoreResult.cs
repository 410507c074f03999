namespace MaintenanceOps;

/// <summary>What a restore did, or would do.</summary>
public sealed record RestoreResult
{
    /// <summary>The snapshot's id.</summary>
    public required string Id { get; init; }

    /// <summary>The repository of the snapshot.</summary>
    public required string Repository { get; init; }

    /// <summary>The stable name of what was backed up.</summary>
    public required string Source { get; init; }

    /// <summary>Where it was restored to.</summary>
    public required string Destination { get; init; }

    /// <summary>The snapshot that was taken of the old state before it was replaced; null where nothing was.</summary>
    public string? SafetySnapshot { get; init; }

    /// <summary>Bytes written.</summary>
    public long RestoredBytes { get; init; }

    /// <summary>Files, folders and links written; one for a database.</summary>
    public long RestoredItems { get; init; }

    /// <summary>Rows copied, where a single table was restored; -1 otherwise.</summary>
    public long RestoredRows { get; init; } = -1;

    /// <summary>Objects that could not be restored while everything else was; empty where all came back.</summary>
    public IReadOnlyList<UnrestoredObject> Unrestored { get; init; } = [];

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Of a part of a cluster that was recovered from a log archive: how far that came.</summary>
    public RecoveryReached? Recovered { get; init; }

    /// <summary>What could not be restored as it was, such as an owner without the right to set it.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}
