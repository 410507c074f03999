namespace MaintenanceOps.Engine.Files;

/// <summary>Which files to take.</summary>
public sealed record FileBackupOptions
{
    /// <summary>Files and folders, as full paths. A symbolic link stands for what it leads to.</summary>
    public required IReadOnlyList<string> Paths { get; init; }

    /// <summary>
    /// Patterns of paths to leave out, as in a <c>.gitignore</c>, or absolute paths below one of <see cref="Paths"/>. They
    /// stand behind those of <see cref="ExcludeFrom"/>, and the last one that fits decides.
    /// </summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Files with such patterns, one a line.</summary>
    public IReadOnlyList<string> ExcludeFrom { get; init; } = [];

    /// <summary>Reads every file again, also those that look unchanged.</summary>
    public bool Reread { get; init; }
}
