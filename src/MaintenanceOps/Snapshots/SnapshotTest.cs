namespace MaintenanceOps;

/// <summary>The result of proving one snapshot.</summary>
public sealed record SnapshotTest
{
    /// <summary>The snapshot's id.</summary>
    public required string Id { get; init; }

    /// <summary>The repository of the snapshot.</summary>
    public required string Repository { get; init; }

    /// <summary>The stable name of what was backed up.</summary>
    public required string Source { get; init; }

    /// <summary>When the snapshot was taken, in UTC.</summary>
    public DateTimeOffset Created { get; init; }

    /// <summary>How thorough the check was.</summary>
    public required VerificationLevel Level { get; init; }

    /// <summary>Whether everything held.</summary>
    public required bool Passed { get; init; }

    /// <summary>
    /// Whether the content was found to be lost or changed. A check that did not pass and found no damage means that the
    /// snapshot restored as it was taken, and that an assertion about it did not hold.
    /// </summary>
    public bool Damaged { get; init; }

    /// <summary>True where the check could not be made, such as a drill without a program that it needs. It says nothing about the snapshot.</summary>
    public bool Unproven { get; init; }

    /// <summary>How long it took; for <see cref="VerificationLevel.Restore"/> that is the measured time to recover.</summary>
    public TimeSpan Elapsed { get; init; }

    /// <summary>Bytes read, or restored.</summary>
    public long Size { get; init; }

    /// <summary>What the database's own integrity check said: <c>ok</c>, or the first complaint; empty where it was not asked.</summary>
    public string Integrity { get; init; } = "";

    /// <summary>Rows counted after the restore; -1 where none were counted.</summary>
    public long Rows { get; init; } = -1;

    /// <summary>Files compared after the restore; -1 where none were.</summary>
    public long Files { get; init; } = -1;

    /// <summary>Of a drill that recovered from a log archive: how far it came.</summary>
    public RecoveryReached? Recovered { get; init; }

    /// <summary>What did not hold.</summary>
    public IReadOnlyList<RepositoryFinding> Findings { get; init; } = [];

    /// <summary>The first eight digits of the id, as tables show it.</summary>
    public string ShortId => Id.Length > 8 ? Id[..8] : Id;
}
