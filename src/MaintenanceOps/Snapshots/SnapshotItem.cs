namespace MaintenanceOps;

/// <summary>What an item of a snapshot is.</summary>
public enum SnapshotItemKind
{
    /// <summary>A file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A table of a database.</summary>
    Table,

    /// <summary>A named pipe.</summary>
    Pipe,

    /// <summary>A socket in the file system. The program that listens makes it anew; it is recorded and not restored.</summary>
    Socket,

    /// <summary>A device node.</summary>
    Device,
}

/// <summary>One file, folder or link of a files snapshot, or one table of a database.</summary>
public sealed record SnapshotItem
{
    /// <summary>The snapshot's id.</summary>
    public required string Id { get; init; }

    /// <summary>The repository of the snapshot.</summary>
    public required string Repository { get; init; }

    /// <summary>The path inside the snapshot with forward slashes, or the table's name.</summary>
    public required string Path { get; init; }

    /// <summary>What it is.</summary>
    public required SnapshotItemKind Kind { get; init; }

    /// <summary>The size in bytes, of a table with its indexes; -1 where it is not known, as in SQLite.</summary>
    public long Size { get; init; }

    /// <summary>The last change, in UTC; null for a table.</summary>
    public DateTimeOffset? Modified { get; init; }

    /// <summary>When it was made, in UTC; null for a table and where the file system did not say. A restore on Linux cannot set it.</summary>
    public DateTimeOffset? Born { get; init; }

    /// <summary>The names of its extended attributes, such as <c>user.origin</c> or <c>security.capability</c>.</summary>
    public IReadOnlyList<string> Attributes { get; init; } = [];

    /// <summary>The permissions in octal, such as <c>0640</c>; empty where the platform has none.</summary>
    public string Mode { get; init; } = "";

    /// <summary>A link's target.</summary>
    public string Target { get; init; } = "";

    /// <summary>A table's rows; -1 for anything else.</summary>
    public long Rows { get; init; } = -1;

    /// <summary>What was odd about it when it was backed up, such as <c>changed while read</c>.</summary>
    public string Note { get; init; } = "";

    /// <summary>The path.</summary>
    public override string ToString() => Path;
}
