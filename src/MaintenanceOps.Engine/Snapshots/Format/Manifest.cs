using System.Text.Json;
using System.Text.Json.Serialization;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>What is written down of a snapshot. Its hash is the snapshot's id; the snapshot exists when it does.</summary>
internal sealed record Manifest
{
    public int Format { get; init; } = 1;

    public required string Source { get; init; }

    public required SnapshotKind Kind { get; init; }

    public required DateTimeOffset Created { get; init; }

    public double ElapsedSeconds { get; init; }

    public double WritePauseSeconds { get; init; }

    public string Origin { get; init; } = "";

    public string Host { get; init; } = "";

    public string Set { get; init; } = "";

    public string Parent { get; init; } = "";

    public string[] Tags { get; init; } = [];

    public long Size { get; init; }

    public long StoredSize { get; init; }

    public string ContentHash { get; init; } = "";

    /// <summary>The name of the page map, of a database or of a files snapshot's listing.</summary>
    public required string Map { get; init; }

    /// <summary>The level that the content was proven to while it was written.</summary>
    public VerificationLevel Verified { get; init; }

    public string[] Warnings { get; init; } = [];

    public long FileCount { get; init; }

    public SqliteFacts? Sqlite { get; init; }

    /// <summary>The program that wrote it.</summary>
    public string Tool { get; init; } = "";

    /// <summary>Makes two manifests of the same state different.</summary>
    public string Nonce { get; init; } = "";

    public static string ObjectName(string id) => $"snapshots/{id}";

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, FormatJson.Default.Manifest);

    /// <exception cref="InvalidDataException">The bytes are no manifest.</exception>
    public static Manifest FromBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, FormatJson.Default.Manifest) ?? throw new InvalidDataException("The manifest is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The manifest is no JSON of the known shape.", e);
        }
    }
}

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
}

/// <summary>One check of a snapshot, kept beside it because the manifest never changes.</summary>
internal sealed record TestRecord
{
    public required string Snapshot { get; init; }

    public required VerificationLevel Level { get; init; }

    public required bool Passed { get; init; }

    /// <summary>Whether it failed because the content is lost or changed, and not by an assertion alone.</summary>
    public bool Damaged { get; init; }

    public required DateTimeOffset At { get; init; }

    public double ElapsedSeconds { get; init; }

    public string[] Findings { get; init; } = [];

    public static string Folder(string snapshotId) => $"tests/{snapshotId}/";

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, FormatJson.Default.TestRecord);

    public static TestRecord FromBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, FormatJson.Default.TestRecord) ?? throw new InvalidDataException("The record is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The record is no JSON of the known shape.", e);
        }
    }
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(TestRecord))]
[JsonSerializable(typeof(Keys.RepositoryDescription))]
[JsonSerializable(typeof(Keys.KeyDescription))]
[JsonSerializable(typeof(Leases.LeaseContent))]
internal sealed partial class FormatJson : JsonSerializerContext;
