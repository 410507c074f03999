using System.Text.Json;
using System.Text.Json.Serialization;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>What is written down of a snapshot. Its hash is the snapshot's id; the snapshot exists when it does.</summary>
internal sealed record Manifest
{
    public const int MaxMissing = 1000;

    /// <summary>The newest version of the format that this program reads.</summary>
    public const int NewestFormat = 2;

    /// <summary>2 where the listing has entries that version 1 cannot say; else 1.</summary>
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
    public string Map { get; init; } = "";

    /// <summary>The level that the content was proven to while it was written.</summary>
    public VerificationLevel Verified { get; init; }

    /// <summary>The place among the snapshots of the source, counted from 1; 0 in those of versions that did not count.</summary>
    public long Number { get; init; }

    /// <summary>How many entries of the source could not be read.</summary>
    public int MissingCount { get; init; }

    /// <summary>The first <see cref="MaxMissing"/> of their names, as they can be shown.</summary>
    public string[] Missing { get; init; } = [];

    /// <summary>What of the content could not be checked, and why.</summary>
    public string[] Unchecked { get; init; } = [];

    public string[] Warnings { get; init; } = [];

    public long FileCount { get; init; }

    public SqliteFacts? Sqlite { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public PostgresFacts? Postgres { get; init; }

    /// <summary>The program that wrote it.</summary>
    public string Tool { get; init; } = "";

    /// <summary>Makes two manifests of the same state different.</summary>
    public string Nonce { get; init; } = "";

    /// <summary>What every backup writes down, whatever its source.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: no reader would take the moment for one.</exception>
    public static Manifest Of(SnapshotKind kind, BackupOptions options, DateTimeOffset taken, string? parent, long number)
    {
        if (!ManifestValues.IsMoment(taken))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"The clock of this machine says {taken.UtcDateTime:yyyy-MM-dd}, and a snapshot of that time could not be read. No snapshot was taken. Set the clock.", options.Source);
        }

        return new()
        {
            Number = number,
            Kind = kind,
            Source = options.Source,
            Created = taken,
            Host = Environment.MachineName,
            Set = options.SetId,
            Parent = parent ?? "",
            Tags = [.. options.Tags],
            Tool = ToolVersion.Text,
            Nonce = Guid.NewGuid().ToString("N"),
        };
    }

    public static string ObjectName(string id) => $"snapshots/{id}";

    public const string PendingPrefix = "leases/pending-";

    /// <summary>Where a manifest stands until it is named, so that a prune keeps what it needs.</summary>
    public static string PendingName(string id) => PendingPrefix + id;

    /// <summary>What a prune puts under the name of a manifest that was pending and never came.</summary>
    public static ReadOnlySpan<byte> Revoked => "revoked\n"u8;

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, FormatJson.Default.Manifest);

    /// <exception cref="InvalidDataException">The bytes are no manifest, or hold values that no backup writes.</exception>
    public static Manifest FromBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return ManifestValues.Checked(
                JsonSerializer.Deserialize(bytes, FormatJson.Default.Manifest) ?? throw new InvalidDataException("The manifest is empty."));
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The manifest is no JSON of the known shape.", e);
        }
    }
}
