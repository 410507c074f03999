using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Health.History;

/// <summary>The histories of all checks in one folder.</summary>
internal sealed class HealthLog(string folder)
{
    /// <summary>Room for the looks that streaks and flapping need, at the longest reasons.</summary>
    private const int TailBytes = 64 * 1024;

    private const int LongestReason = 200;

    private readonly Lock writing = new();

    /// <summary>Places a result beside the looks before it, and adds it to them.</summary>
    /// <exception cref="MaintenanceException">The folder or file cannot be written.</exception>
    public HealthResult Add(HealthCheck check, HealthResult result, Observation seen, CancellationToken cancellation)
    {
        var placed = result;
        Append(
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

    /// <summary>Adds an entry that may depend on the last ones.</summary>
    /// <param name="key">What the history is kept under.</param>
    /// <param name="entry">Makes the entry of the last ones, the oldest first.</param>
    /// <param name="cancellation">Ends the waiting for others that write.</param>
    /// <exception cref="MaintenanceException">The folder or file cannot be written.</exception>
    public void Append(string key, Func<IReadOnlyList<HealthEntry>, HealthEntry> entry, CancellationToken cancellation)
    {
        // Results of one run come from many threads; the lock between processes is for one of them.
        lock (writing)
        {
            StateFolder.Make(folder);
            using var held = FileLock.Take(Path.Combine(folder, ".lock"), $"the history in '{folder}'", cancellation);
            var file = HealthFile.Of(folder, key);
            file.Append(entry(file.Tail(TailBytes)));
        }
    }

    /// <summary>The last look; null where there is none.</summary>
    public HealthEntry? Last(string key) => HealthFile.Of(folder, key).Tail(TailBytes).LastOrDefault();

    /// <summary>The figure that a check's last look left; null where there is none near the end.</summary>
    public PastFigure? LastFigure(string key) =>
        HealthFile.Of(folder, key).Tail(TailBytes).FindLast(e => e.Figure is not null) is { } entry ? Past(entry) : null;

    /// <summary>The figures that a check's looks left, the oldest first.</summary>
    public IReadOnlyList<PastFigure> Figures(string key) =>
        [.. HealthFile.Of(folder, key).Read().Where(e => e?.Figure is not null).Select(e => Past(e!))];

    private static PastFigure Past(HealthEntry entry) => new(entry.At, entry.Figure!.Value, entry.OtherFigure);
}
