using System.Text.Json.Serialization.Metadata;

namespace MaintenanceOps.Engine.Histories;

/// <summary>What a line of a history holds.</summary>
/// <param name="Json">How it is written.</param>
/// <param name="IsSensible">Whether it can be from us: what somebody wrote by hand may be JSON and still be nothing that was ever seen.</param>
internal sealed record HistoryFormat<T>(JsonTypeInfo<T> Json, Func<T, bool> IsSensible)
    where T : class;
