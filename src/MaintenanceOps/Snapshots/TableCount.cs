using System.Text.Json.Serialization;

namespace MaintenanceOps;

/// <summary>One table and its number of rows, counted in the snapshot's own transaction.</summary>
/// <param name="Name">The table's name.</param>
/// <param name="Rows">Its rows; -1 where they cannot be counted, as in some virtual tables.</param>
public sealed record TableCount(string Name, long Rows)
{
    /// <summary>The bytes that it takes on the server with its indexes; null where nobody knows, as in SQLite.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public long? Size { get; init; }

    /// <summary>The name and the rows, as <c>notes: 1200</c>.</summary>
    public override string ToString() => $"{Name}: {Rows}";
}
