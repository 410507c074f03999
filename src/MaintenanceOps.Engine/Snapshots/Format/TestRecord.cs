using System.Text.Json;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>One check of a snapshot, kept beside it because the manifest never changes.</summary>
internal sealed record TestRecord
{
    public required string Snapshot { get; init; }

    public required VerificationLevel Level { get; init; }

    public required bool Passed { get; init; }

    /// <summary>Whether it failed because the content is lost or changed, and not by an assertion alone.</summary>
    public bool Damaged { get; init; }

    /// <summary>Whether the check could not be made.</summary>
    public bool Unproven { get; init; }

    public required DateTimeOffset At { get; init; }

    public double ElapsedSeconds { get; init; }

    public string[] Findings { get; init; } = [];

    /// <summary>What the check could not look at, a sentence each.</summary>
    public string[] Unchecked { get; init; } = [];

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
