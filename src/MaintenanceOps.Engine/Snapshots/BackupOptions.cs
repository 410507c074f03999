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

    /// <summary>Takes a snapshot that misses what could not be read for a success.</summary>
    public bool AllowIncomplete { get; init; }

    /// <summary>How long a lock of another process on the source is waited for.</summary>
    public TimeSpan? LockTimeout { get; init; }

    private const int MaxSourceLength = 200;

    /// <summary>
    /// The name of a source whose user gave none: the name of the file or folder, with <c>_</c> where a source can have no such
    /// character. Empty where the path has no name.
    /// </summary>
    /// <param name="path">A file or folder.</param>
    public static string SourceOf(string path)
    {
        var name = Path.GetFileName(Path.TrimEndingDirectorySeparator(path));
        var usable = string.Concat(name.Take(MaxSourceLength).Select(c => IsOdd(c) ? '_' : c));
        return name.Length > 0 && string.IsNullOrWhiteSpace(usable) ? "_" : usable;
    }

    /// <summary>Whether a text can name a source.</summary>
    internal static bool IsSourceName(string text) =>
        !string.IsNullOrWhiteSpace(text) && text.Length <= MaxSourceLength && !text.Any(IsOdd);

    private static bool IsOdd(char c) => char.IsControl(c) || c is '*' or '?' or '\\';

    /// <summary>Throws where the source's name cannot be one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    internal void Check()
    {
        if (!IsSourceName(Source))
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"'{Source}' cannot name a source. Use up to 200 letters, digits, spaces and marks such as / - _ . but not * ? or \\.",
                Source);
        }
    }
}
