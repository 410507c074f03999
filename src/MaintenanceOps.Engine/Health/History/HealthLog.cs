using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Health.History;

/// <summary>The histories of all checks in one folder.</summary>
internal sealed class HealthLog(string folder)
{
    private const int LongestReason = 200;

    private readonly HistoryFolder<HealthEntry> looks = new(folder, HealthEntry.Format);

    /// <summary>Places a result beside the looks before it, and adds it to them.</summary>
    /// <exception cref="MaintenanceException">The folder or file cannot be written.</exception>
    public HealthResult Add(HealthCheck check, HealthResult result, Observation seen, CancellationToken cancellation)
    {
        var placed = result;
        looks.Append(
            check.Key,
            past =>
            {
                placed = Streaks.Place(result, past, check.FailAfter, check.RecoverAfter);
                return new HealthEntry
                {
                    Name = check.Key,
                    At = placed.At,
                    Status = placed.Status,
                    Confirmed = placed.Confirmed,
                    Ms = Math.Round(placed.Latency.TotalMilliseconds, 1),
                    Streak = placed.Streak,
                    Since = placed.Since,
                    Flapping = placed.Flapping,
                    Maintenance = placed.InMaintenance,
                    Figure = seen.Figure,
                    OtherFigure = seen.OtherFigure,
                    Reason = placed.Status == HealthStatus.Healthy ? null : placed.Reason[..Math.Min(placed.Reason.Length, LongestReason)],
                };
            },
            cancellation);
        return placed;
    }

    /// <summary>The figure that a check's last look left; null where there is none near the end.</summary>
    public PastFigure? LastFigure(string key) => looks.Last(key).FindLast(e => e.Figure is not null) is { } entry ? Past(entry) : null;

    /// <summary>The figures that a check's looks left, the oldest first.</summary>
    public IReadOnlyList<PastFigure> Figures(string key) => [.. looks.All(key).Where(e => e?.Figure is not null).Select(e => Past(e!))];

    private static PastFigure Past(HealthEntry entry) => new(entry.At, entry.Figure!.Value, entry.OtherFigure);
}
