namespace MaintenanceOps;

/// <summary>What a repository holds of one PostgreSQL cluster's write-ahead log, and whether recoveries can pass through it.</summary>
public sealed record WalArchiveState
{
    /// <summary>The repository.</summary>
    public required string Repository { get; init; }

    /// <summary>The cluster's system identifier, as <c>pg_controldata</c> prints it.</summary>
    public required ulong System { get; init; }

    /// <summary>The oldest segment; empty where there is none.</summary>
    public string First { get; init; } = "";

    /// <summary>The newest segment; empty where there is none.</summary>
    public string Last { get; init; } = "";

    /// <summary>When the newest segment arrived, in UTC.</summary>
    public DateTimeOffset? LastArchived { get; init; }

    /// <summary>The number of segments.</summary>
    public int Segments { get; init; }

    /// <summary>The bytes that they take in the repository.</summary>
    public long StoredSize { get; init; }

    /// <summary>The newest timeline, on which a recovery to the latest moment ends; 0 where nothing is archived.</summary>
    public uint Timeline { get; init; }

    /// <summary>The base backups of this cluster from which a recovery can go on to the newest segment.</summary>
    public IReadOnlyList<string> RecoverableFrom { get; init; } = [];

    /// <summary>The base backups that restore to their own moment alone, because the log after them is older than the recovery window.</summary>
    public IReadOnlyList<string> OwnMomentOnly { get; init; } = [];

    /// <summary>
    /// The base backups that were taken on an older timeline after the newest one had branched off: a recovery from them goes
    /// along the older one alone.
    /// </summary>
    public IReadOnlyList<string> OtherTimelineOnly { get; init; } = [];

    /// <summary>What is missing or damaged, in words; none means that all is well.</summary>
    public IReadOnlyList<string> Findings { get; init; } = [];

    /// <summary>Whether every base backup within the recovery window can be recovered to the newest segment, and nothing is damaged.</summary>
    public bool Healthy => Findings.Count == 0;
}
