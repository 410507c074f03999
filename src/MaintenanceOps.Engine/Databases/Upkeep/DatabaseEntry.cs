using System.Text.Json;
using System.Text.Json.Serialization;
using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>Something that was seen of a database, as its history keeps it: of the fields those that belong to what was seen.</summary>
internal sealed record DatabaseEntry
{
    public required DateTimeOffset At { get; init; }

    /// <summary>Bytes.</summary>
    public long? Size { get; init; }

    /// <summary>Whether a check of the whole content passed.</summary>
    public bool? Passed { get; init; }

    /// <summary>Why it did not.</summary>
    public string? Reason { get; init; }

    /// <summary>Blocks that the server was asked for, and those of them that it had in memory.</summary>
    public long? Fetched { get; init; }

    public long? Hit { get; init; }

    public static HistoryFormat<DatabaseEntry> Format { get; } = new(DatabaseJson.Default.DatabaseEntry, e => e is { Fetched: null or >= 0, Hit: null or >= 0 });
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(DatabaseEntry))]
internal sealed partial class DatabaseJson : JsonSerializerContext;
