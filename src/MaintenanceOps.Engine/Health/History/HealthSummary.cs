using System.IO.Enumeration;
using MaintenanceOps.Engine.Histories;

namespace MaintenanceOps.Engine.Health.History;

/// <summary>What checks saw within windows of time.</summary>
public static class HealthSummary
{
    /// <summary>The windows where nobody names others.</summary>
    public static readonly IReadOnlyList<TimeSpan> DefaultWindows = [TimeSpan.FromHours(1), TimeSpan.FromDays(1), TimeSpan.FromDays(7), TimeSpan.FromDays(30)];

    /// <summary>One record a check and window, in the order of the names.</summary>
    /// <param name="folder">The folder of the histories.</param>
    /// <param name="names">Which checks; wildcards are allowed, and none means all.</param>
    /// <param name="windows">How far back, each; the shortest first in the answer.</param>
    /// <param name="now">The moment that windows end at.</param>
    /// <exception cref="MaintenanceException">A history cannot be read; <see cref="ErrorCode.ItemNotFound"/>: a name without wildcards has none.</exception>
    public static IEnumerable<HealthHistory> Of(string folder, IReadOnlyList<string> names, IReadOnlyList<TimeSpan> windows, DateTimeOffset now)
    {
        ArgumentNullException.ThrowIfNull(names);
        ArgumentNullException.ThrowIfNull(windows);
        var histories = new HistoryFolder<HealthEntry>(folder, HealthEntry.Format).Files.Select(Load)
            .Where(h => h.Entries.Count > 0)
            .Where(h => names.Count == 0 || names.Any(n => Fits(n, h.Entries[^1].Name)))
            .OrderBy(h => h.Entries[^1].Name, StringComparer.Ordinal)
            .ToList();
        if (names.FirstOrDefault(n => n.AsSpan().IndexOfAny('*', '?') < 0 && !histories.Exists(h => Fits(n, h.Entries[^1].Name))) is { } missing)
        {
            throw new MaintenanceException(ErrorCode.ItemNotFound, $"No check called '{missing}' has a history in '{folder}'.", missing);
        }

        return histories.SelectMany(h => windows.Order().Select(w => Summarize(h.Entries, h.Malformed, w, now)));
    }

    /// <summary>A plan's check is found by its own name too, without that of the application.</summary>
    private static bool Fits(string pattern, string name) =>
        FileSystemName.MatchesSimpleExpression(pattern, name)
        || (name.IndexOf('/', StringComparison.Ordinal) is > 0 and var slash && !name.Contains("://", StringComparison.Ordinal) && FileSystemName.MatchesSimpleExpression(pattern, name.AsSpan(slash + 1)));

    private static (List<HealthEntry> Entries, long Malformed) Load(HistoryFile<HealthEntry> file)
    {
        var entries = new List<HealthEntry>();
        var malformed = 0L;
        foreach (var entry in file.Read())
        {
            if (entry is null)
            {
                malformed++;
            }
            else
            {
                entries.Add(entry);
            }
        }

        return (entries, malformed);
    }

    private static HealthHistory Summarize(List<HealthEntry> all, long malformed, TimeSpan window, DateTimeOffset now)
    {
        var last = all[^1];
        var within = all.FindAll(e => e.At > now - window && e.At <= now);
        var counted = within.FindAll(e => !e.Maintenance);
        var up = counted.FindAll(e => e.Status is HealthStatus.Healthy or HealthStatus.Degraded);
        var times = up.Select(e => e.Ms).Order().ToArray();
        long Count(HealthStatus status) => within.Count(e => e.Status == status);
        return new HealthHistory
        {
            Name = last.Name,
            Window = window,
            Looks = within.Count,
            Uptime = counted.Count == 0 ? null : (double)up.Count / counted.Count,
            Healthy = Count(HealthStatus.Healthy),
            Degraded = Count(HealthStatus.Degraded),
            Unhealthy = Count(HealthStatus.Unhealthy),
            Unknown = Count(HealthStatus.Unknown),
            InMaintenance = within.Count - counted.Count,
            P50 = Percentile(times, 0.50),
            P95 = Percentile(times, 0.95),
            P99 = Percentile(times, 0.99),
            Status = last.Status,
            Streak = last.Streak,
            Since = last.Since,
            LastLook = last.At,
            Flapping = last.Flapping,
            Malformed = malformed,
        };
    }

    /// <summary>Nearest rank: a value that was really measured.</summary>
    private static TimeSpan? Percentile(double[] sorted, double share) =>
        sorted.Length == 0 ? null : TimeSpan.FromMilliseconds(sorted[(int)Math.Ceiling(share * sorted.Length) - 1]);
}
