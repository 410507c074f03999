using System.Text.Json.Serialization;

namespace MaintenanceOps;

/// <summary>One immutable state of one source, verified while it was written.</summary>
public sealed record Snapshot
{
    /// <summary>The snapshot's id: 64 hexadecimal digits. The first eight are enough where they are unique.</summary>
    public required string Id { get; init; }

    /// <summary>The repository that holds it: an absolute path or <c>s3://bucket/prefix</c>.</summary>
    public required string Repository { get; init; }

    /// <summary>The stable name of what was backed up, such as <c>app/main</c>.</summary>
    public required string Source { get; init; }

    /// <summary>What it holds.</summary>
    public required SnapshotKind Kind { get; init; }

    /// <summary>The snapshot's place among those of its source, counted from 1; 0 in snapshots of versions that did not count.</summary>
    public long Number { get; init; }

    /// <summary>The moment of the state, in UTC, by the clock of the host that took it.</summary>
    public required DateTimeOffset Created { get; init; }

    /// <summary>True where <see cref="Created"/> contradicts the order of the source's snapshots by more than an hour: the clock was wrong.</summary>
    public bool ClockDoubtful { get; init; }

    /// <summary>
    /// The moment that decides about order and age: <see cref="Created"/>, or that of the neighbouring snapshot where the
    /// clock was wrong.
    /// </summary>
    [JsonIgnore]
    public DateTimeOffset Moment
    {
        get => field == default ? Created : field;
        init;
    }

    /// <summary>How long the backup took.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>For how long writers of the source had to wait; zero where the source is read beside its writers.</summary>
    public TimeSpan WritePause { get; init; }

    /// <summary>The size of the content in bytes.</summary>
    public long Size { get; init; }

    /// <summary>What this snapshot added to the repository, in bytes, after de-duplication and compression.</summary>
    public long StoredSize { get; init; }

    /// <summary>Where the content came from: the database's path, or the common folder of the files.</summary>
    public string Origin { get; init; } = "";

    /// <summary>The host that took the snapshot.</summary>
    public string Host { get; init; } = "";

    /// <summary>The run that took it together with others; empty where it was taken alone.</summary>
    public string SetId { get; init; } = "";

    /// <summary>The snapshot it was compared with, or empty for a first one.</summary>
    public string Parent { get; init; } = "";

    /// <summary>Free words given at backup time.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The hash of the whole content: SHA-256 over its blocks' hashes, in hexadecimal.</summary>
    public string ContentHash { get; init; } = "";

    /// <summary>How far it can be relied on.</summary>
    public SnapshotState State =>
        Damaged ? SnapshotState.Damaged
        : MissingCount > 0 ? SnapshotState.Incomplete
        : Verified == VerificationLevel.Restore ? SnapshotState.Restored
        : Verified < VerificationLevel.Full ? SnapshotState.Written
        : Unchecked.Count > 0 ? SnapshotState.PartlyChecked
        : SnapshotState.Checked;

    /// <summary>How many entries of the source could not be read and are missing.</summary>
    public int MissingCount { get; init; }

    /// <summary>The names of those entries: the first thousand.</summary>
    public IReadOnlyList<string> Missing { get; init; } = [];

    /// <summary>What of the content could not be checked, and why; empty where all was.</summary>
    public IReadOnlyList<string> Unchecked { get; init; } = [];

    /// <summary>The most thorough check that the snapshot passed; <see cref="VerificationLevel.None"/> after a failed one.</summary>
    public VerificationLevel Verified { get; init; }

    /// <summary>When that check ended, in UTC; null where there was none.</summary>
    public DateTimeOffset? VerifiedAt { get; init; }

    /// <summary>True where a check found content lost or changed, and no check as thorough has passed since.</summary>
    public bool Damaged { get; init; }

    /// <summary>True where the content came back in a drill, an assertion about it did not hold, and no drill has passed since.</summary>
    public bool AssertionFailed { get; init; }

    /// <summary>What the backup could not take as it stood: files that changed, vanished or could not be read.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>A database's tables with their rows; empty for files.</summary>
    public IReadOnlyList<TableCount> Tables { get; init; } = [];

    /// <summary>The number of entries of a files snapshot; zero for a database.</summary>
    public long FileCount { get; init; }

    /// <summary>The hash of a database's schema, in hexadecimal; empty for files.</summary>
    public string SchemaHash { get; init; } = "";

    /// <summary>The first eight digits of the id, as tables show it.</summary>
    public string ShortId => Id.Length > 8 ? Id[..8] : Id;

    /// <summary>The id.</summary>
    public override string ToString() => Id;
}
