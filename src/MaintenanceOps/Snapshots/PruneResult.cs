namespace MaintenanceOps;

/// <summary>What pruning removed, or would remove.</summary>
public sealed record PruneResult
{
    /// <summary>The repository.</summary>
    public required string Repository { get; init; }

    /// <summary>True where nothing was changed, because only the plan was asked for.</summary>
    public bool DryRun { get; init; }

    /// <summary>Packs that nothing needs any more.</summary>
    public int PacksRemoved { get; init; }

    /// <summary>Packs whose remaining blocks were written anew.</summary>
    public int PacksRewritten { get; init; }

    /// <summary>Packs that a later prune will remove, when nobody can be building on them any more.</summary>
    public int PacksDoomed { get; init; }

    /// <summary>Bytes that a later prune will free.</summary>
    public long SizeDoomed { get; init; }

    /// <summary>Maps, check records and left-over temporary objects that nothing needs any more.</summary>
    public int ObjectsRemoved { get; init; }

    /// <summary>Bytes before.</summary>
    public long SizeBefore { get; init; }

    /// <summary>Bytes after.</summary>
    public long SizeAfter { get; init; }

    /// <summary>Bytes that became free.</summary>
    public long Freed => SizeBefore - SizeAfter;

    /// <summary>How long it took.</summary>
    public TimeSpan Elapsed { get; init; }
}
