namespace MaintenanceOps;

/// <summary>How an item differs between two snapshots.</summary>
public enum DifferenceKind
{
    /// <summary>Only the difference snapshot has it.</summary>
    Added,

    /// <summary>Only the reference snapshot has it.</summary>
    Removed,

    /// <summary>Both have it, and it is not the same.</summary>
    Changed,
}

/// <summary>One file or table that differs between two snapshots.</summary>
public sealed record SnapshotDifference
{
    /// <summary>The path inside the snapshots, or the table's name.</summary>
    public required string Path { get; init; }

    /// <summary>File, folder, link or table.</summary>
    public required SnapshotItemKind ItemKind { get; init; }

    /// <summary>How it differs.</summary>
    public required DifferenceKind Change { get; init; }

    /// <summary>The size in the reference in bytes; null where it has none.</summary>
    public long? ReferenceSize { get; init; }

    /// <summary>The size in the difference in bytes; null where it has none.</summary>
    public long? DifferenceSize { get; init; }

    /// <summary>Rows that only the difference has; null for files.</summary>
    public long? RowsAdded { get; init; }

    /// <summary>Rows that only the reference has; null for files.</summary>
    public long? RowsRemoved { get; init; }

    /// <summary>Rows with the same key and other values; null for files.</summary>
    public long? RowsChanged { get; init; }

    /// <summary>What changed, such as <c>content</c>, <c>mode</c>, <c>schema</c>.</summary>
    public string Detail { get; init; } = "";

    /// <summary>The reference snapshot's id.</summary>
    public required string Reference { get; init; }

    /// <summary>The difference snapshot's id.</summary>
    public required string Difference { get; init; }
}
