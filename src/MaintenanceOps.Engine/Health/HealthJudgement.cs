namespace MaintenanceOps.Engine.Health;

/// <summary>Whether results are good enough to go on.</summary>
public static class HealthJudgement
{
    /// <summary>Whether a status counts as up: what is not known never does.</summary>
    /// <param name="status">What was seen.</param>
    /// <param name="strict">Takes degraded as down.</param>
    private static bool IsUp(HealthStatus status, bool strict) => status == HealthStatus.Healthy || (!strict && status == HealthStatus.Degraded);

    /// <summary>Whether all of them are up, and there is at least one.</summary>
    public static bool AreUp(IReadOnlyCollection<HealthResult> results, bool strict)
    {
        ArgumentNullException.ThrowIfNull(results);
        return results.Count > 0 && results.All(r => IsUp(r, strict));
    }

    /// <summary>
    /// Whether a result counts as up: by its confirmed state, so that thresholds hold, but never where this look could not tell.
    /// </summary>
    public static bool IsUp(HealthResult result, bool strict)
    {
        ArgumentNullException.ThrowIfNull(result);
        return result.Status != HealthStatus.Unknown && IsUp(result.Confirmed, strict);
    }
}
