namespace MaintenanceOps.Engine.Snapshots;

/// <summary>What every backup takes, whatever its source.</summary>
public sealed record BackupOptions
{
    /// <summary>The stable name of the source, such as <c>app/main</c>.</summary>
    public required string Source { get; init; }

    /// <summary>Free words to find the snapshot by.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>The run that this snapshot belongs to; empty for one that stands alone.</summary>
    public string SetId { get; init; } = "";

    /// <summary>Leaves out the source's own integrity check.</summary>
    public bool SkipVerify { get; init; }

    /// <summary>How long a lock of another process on the source is waited for.</summary>
    public TimeSpan? LockTimeout { get; init; }

    /// <summary>Throws where the source's name cannot be one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    internal void Check()
    {
        if (string.IsNullOrWhiteSpace(Source) || Source.Length > 200 || Source.Any(c => char.IsControl(c) || c is '*' or '?' or '\\'))
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"'{Source}' cannot name a source. Use up to 200 letters, digits, spaces and marks such as / - _ . but not * ? or \\.",
                Source);
        }
    }
}
