namespace MaintenanceOps.Engine.Histories;

/// <summary>When something will be full, as a range: a single date would look more certain than it is.</summary>
/// <param name="Earliest">If it grows as fast as on its busier days.</param>
/// <param name="Likely">If it grows as it does on most days.</param>
/// <param name="Latest">If it grows as slowly as on its calmer days; null where that means never.</param>
/// <param name="PerDay">What it grows by in a day, as on most days.</param>
internal sealed record Forecast(TimeSpan Earliest, TimeSpan Likely, TimeSpan? Latest, double PerDay)
{
    /// <summary>Fewer days than a week know nothing of weekends.</summary>
    private const int LeastDays = 7;

    private static readonly TimeSpan Farthest = TimeSpan.FromDays(3650);

    /// <summary>
    /// By the slopes between the peaks of all pairs of days (Theil and Sen: a single clean-up or burst does not bend it); the
    /// quarter of slopes at either end gives the range.
    /// </summary>
    /// <param name="past">Amounts used, the oldest first.</param>
    /// <param name="used">The amount now.</param>
    /// <param name="whole">The amount that is full.</param>
    /// <param name="now">The moment of the amount now.</param>
    /// <returns>Null where there are too few days, or it does not grow.</returns>
    public static Forecast? Of(IReadOnlyList<PastFigure> past, double used, double whole, DateTimeOffset now)
    {
        var peaks = past.Append(new PastFigure(now, used))
            .GroupBy(p => (int)Math.Floor((p.At - now).TotalDays))
            .OrderBy(day => day.Key)
            .Select(day => (Day: (double)day.Key, Peak: day.Max(p => p.Value)))
            .ToArray();
        if (peaks.Length < LeastDays)
        {
            return null;
        }

        var slopes = new List<double>();
        for (var i = 0; i < peaks.Length; i++)
        {
            for (var j = i + 1; j < peaks.Length; j++)
            {
                slopes.Add((peaks[j].Peak - peaks[i].Peak) / (peaks[j].Day - peaks[i].Day));
            }
        }

        slopes.Sort();
        var likely = slopes[slopes.Count / 2];
        return likely <= 0 ? null : new Forecast(
            Time(whole - used, slopes[slopes.Count * 3 / 4]),
            Time(whole - used, likely),
            slopes[slopes.Count / 4] is > 0 and var slow ? Time(whole - used, slow) : null,
            likely);
    }

    public override string ToString() => Latest is { } latest
        ? $"full in {Earliest.TotalDays:0} to {latest.TotalDays:0} days, most likely {Likely.TotalDays:0}"
        : $"full in {Earliest.TotalDays:0} days or more, most likely {Likely.TotalDays:0}";

    private static TimeSpan Time(double left, double perDay) => TimeSpan.FromDays(Math.Min(Math.Max(left, 0) / perDay, Farthest.TotalDays));
}
