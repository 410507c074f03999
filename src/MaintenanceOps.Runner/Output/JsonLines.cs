using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace MaintenanceOps.Runner.Output;

/// <summary>Records as JSON on one line: camelCase, enums by name, moments in ISO 8601, durations in seconds.</summary>
internal static class JsonLines
{
    // Apostrophes and letters beyond ASCII stay readable; the output is never put into HTML.
    private static readonly JsonSerializerOptions Options = new(RunnerJson.Default.Options) { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, (JsonTypeInfo<T>)Options.GetTypeInfo(typeof(T)));
}

[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    Converters = [typeof(SecondsConverter)])]
[JsonSerializable(typeof(Snapshot))]
[JsonSerializable(typeof(SnapshotItem))]
[JsonSerializable(typeof(WalArchiveState))]
[JsonSerializable(typeof(MaintenanceMode))]
[JsonSerializable(typeof(MaintenanceModeEvent))]
[JsonSerializable(typeof(HealthResult))]
[JsonSerializable(typeof(HealthHistory))]
[JsonSerializable(typeof(DatabaseFinding))]
[JsonSerializable(typeof(IntegrityResult))]
[JsonSerializable(typeof(OptimizationResult))]
[JsonSerializable(typeof(string[]))]
[JsonSerializable(typeof(long))]
[JsonSerializable(typeof(int))]
[JsonSerializable(typeof(double))]
[JsonSerializable(typeof(bool))]
[JsonSerializable(typeof(TimeSpan))]
[JsonSerializable(typeof(DateTimeOffset))]
[JsonSerializable(typeof(SnapshotTest))]
[JsonSerializable(typeof(SnapshotDifference))]
[JsonSerializable(typeof(SnapshotRepository))]
[JsonSerializable(typeof(RepositoryKey))]
[JsonSerializable(typeof(RepositoryFinding))]
[JsonSerializable(typeof(RestoreResult))]
[JsonSerializable(typeof(RetentionDecision))]
[JsonSerializable(typeof(PruneResult))]
[JsonSerializable(typeof(ExportResult))]
[JsonSerializable(typeof(WrittenFile))]
[JsonSerializable(typeof(RemovalResult))]
[JsonSerializable(typeof(KeyRemovalResult))]
[JsonSerializable(typeof(DemoResult))]
[JsonSerializable(typeof(ErrorLine))]
[JsonSerializable(typeof(WarningLine))]
internal sealed partial class RunnerJson : JsonSerializerContext;

/// <summary>A duration as a number of seconds, which every tool can compare.</summary>
internal sealed class SecondsConverter : JsonConverter<TimeSpan>
{
    public override TimeSpan Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => TimeSpan.FromSeconds(reader.GetDouble());

    public override void Write(Utf8JsonWriter writer, TimeSpan value, JsonSerializerOptions options) => writer.WriteNumberValue(Math.Round(value.TotalSeconds, 3));
}
