using System.Globalization;

namespace MaintenanceOps;

/// <summary>How far a recovery from a log archive came.</summary>
/// <param name="Timeline">The timeline that the last replayed record belongs to.</param>
/// <param name="Lsn">The place in the log behind that record, such as <c>16/B374D848</c>.</param>
/// <param name="LastCommit">When the last replayed transaction ended, in UTC; null where the log held none.</param>
public sealed record RecoveryReached(uint Timeline, string Lsn, DateTimeOffset? LastCommit)
{
    /// <inheritdoc/>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"Recovered along timeline {Timeline} to {Lsn}; {(LastCommit is { } at ? $"the last transaction in the log ended at {at:yyyy-MM-dd HH:mm:ss.fff} UTC" : "the log held no transaction")}.");
}
