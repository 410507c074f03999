using System.Text.Json;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>A sealed list of names: what a prune dooms, or the snapshots that the last one saw.</summary>
internal sealed record NameList
{
    public string[] Names { get; init; } = [];

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, FormatJson.Default.NameList);

    /// <exception cref="InvalidDataException">The bytes are no such list.</exception>
    public static NameList FromBytes(ReadOnlySpan<byte> bytes)
    {
        try
        {
            var list = JsonSerializer.Deserialize(bytes, FormatJson.Default.NameList);
            return list?.Names is { } names && !names.Contains(null) ? list : throw new InvalidDataException("The list is empty.");
        }
        catch (JsonException e)
        {
            throw new InvalidDataException("The list is no JSON of the known shape.", e);
        }
    }
}
