using System.Text.Json.Serialization;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>What a SQLite database's snapshot knows beside its pages.</summary>
internal sealed record SqliteFacts
{
    public int PageSize { get; init; }

    public string JournalMode { get; init; } = "";

    public string EngineVersion { get; init; } = "";

    public string SchemaHash { get; init; } = "";

    public TableCount[] Tables { get; init; } = [];

    /// <summary>What the file and its log looked like; the same again means that nothing was written since.</summary>
    public string StateToken { get; init; } = "";

    /// <summary>True where the database had broken foreign keys or other findings that do not stop a backup.</summary>
    public string[] Findings { get; init; } = [];

    /// <summary>The permissions of the file; null where they are not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? Mode { get; init; }

    /// <summary>The number of the file's owner; null where it is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? User { get; init; }

    /// <summary>The number of the file's group; null where it is not known.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Group { get; init; }

    /// <summary>The file's extended attributes, its access control list among them; null where it has none.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public Dictionary<string, byte[]>? Attributes { get; init; }
}
