namespace MaintenanceOps.Engine.Health.History;

/// <summary>How a look stands beside the looks before it: its streak, the confirmed state, and whether the status flaps.</summary>
internal static class Streaks
{
    /// <summary>The looks that flapping is judged by.</summary>
    public const int Remembered = 21;

    // The share of changes above which a status flaps and below which it has stopped; two bounds, so that flapping does not flap.
    private const double FlapsAbove = 0.5;
    private const double StopsBelow = 0.25;

    /// <summary>Fewer looks than this say nothing about flapping.</summary>
    private const int LeastLooks = 8;

    /// <param name="result">What was seen now.</param>
    /// <param name="past">The looks before, the oldest first.</param>
    /// <param name="failAfter">So many bad looks make the confirmed state bad.</param>
    /// <param name="recoverAfter">So many good looks make it good again.</param>
    public static HealthResult Place(HealthResult result, IReadOnlyList<HealthEntry> past, int failAfter, int recoverAfter)
    {
        var last = past.Count > 0 ? past[^1] : null;
        var same = last?.Status == result.Status;
        return result with
        {
            Streak = same ? last!.Streak + 1 : 1,
            Since = same ? last!.Since : result.At,
            Confirmed = Confirmed(result.Status, past, failAfter, recoverAfter),
            Flapping = Flaps([.. past.TakeLast(Remembered - 1).Select(e => e.Status), result.Status], last?.Flapping ?? false),
        };
    }

    /// <summary>Healthy and degraded are the good side; what is not known is not well, and never makes a bad state good.</summary>
    private static HealthStatus Confirmed(HealthStatus now, IReadOnlyList<HealthEntry> past, int failAfter, int recoverAfter)
    {
        if (past.Count == 0)
        {
            return now;
        }

        var before = past[^1].Confirmed;
        if (IsUp(now) == IsUp(before))
        {
            return now;
        }

        var needed = IsUp(now) ? recoverAfter : failAfter;
        var row = 1 + past.Reverse().TakeWhile(e => IsUp(e.Status) == IsUp(now)).Count();
        return row >= needed ? now : before;
    }

    private static bool IsUp(HealthStatus status) => status is HealthStatus.Healthy or HealthStatus.Degraded;

    /// <summary>The share of looks that changed the status, newer ones weighing up to half as much again as older ones.</summary>
    private static bool Flaps(HealthStatus[] statuses, bool flapped)
    {
        if (statuses.Length < LeastLooks)
        {
            return false;
        }

        double changed = 0, all = 0;
        for (var i = 1; i < statuses.Length; i++)
        {
            var weight = 0.8 + (0.4 * i / (statuses.Length - 1));
            all += weight;
            changed += statuses[i] == statuses[i - 1] ? 0 : weight;
        }

        return changed / all > (flapped ? StopsBelow : FlapsAbove);
    }
}
