using System.Text.Json.Serialization;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>How the plain objects of a repository are written: the serializers are made by the compiler.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true)]
[JsonSerializable(typeof(Manifest))]
[JsonSerializable(typeof(TestRecord))]
[JsonSerializable(typeof(NameList))]
[JsonSerializable(typeof(Keys.RepositoryDescription))]
[JsonSerializable(typeof(Keys.KeyDescription))]
[JsonSerializable(typeof(Leases.LeaseContent))]
internal sealed partial class FormatJson : JsonSerializerContext;
