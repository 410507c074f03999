using System.Text.Json;
using System.Text.Json.Serialization;
using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Health.History;

/// <summary>One look, as the history keeps it: a line of JSON that says all that the next look needs.</summary>
internal sealed record HealthEntry
{
    public required string Name { get; init; }

    public required DateTimeOffset At { get; init; }

    /// <summary>Unknown is the type's default, and is written all the same.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public required HealthStatus Status { get; init; }

    public HealthStatus Confirmed { get; init; }

    public double Ms { get; init; }

    public int Streak { get; init; } = 1;

    public DateTimeOffset Since { get; init; }

    public bool Flapping { get; init; }

    public bool Maintenance { get; init; }

    public double? Figure { get; init; }

    public double? OtherFigure { get; init; }

    public string? Reason { get; init; }

    public static HistoryFormat<HealthEntry> Format { get; } = new(HealthJson.Default.HealthEntry, e => e.IsSensible());

    private bool IsSensible() =>
        Name is not null
        && Enum.IsDefined(Status)
        && Enum.IsDefined(Confirmed)
        && Ms >= 0 && Ms <= TimeSpan.FromDays(365).TotalMilliseconds
        && Streak is >= 0 and < int.MaxValue;
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingDefault)]
[JsonSerializable(typeof(HealthEntry))]
internal sealed partial class HealthJson : JsonSerializerContext;
