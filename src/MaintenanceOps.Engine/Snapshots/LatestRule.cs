namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Which snapshot the word <c>latest</c> means.</summary>
public sealed record LatestRule
{
    /// <summary>The source; null where the repository has only one.</summary>
    public string? Source { get; init; }

    /// <summary>Only one that is complete and was checked or restored.</summary>
    public bool Verified { get; init; }

    /// <summary>The newest one even if it failed its last test: for whoever tests it again or removes it.</summary>
    public bool EvenFailed { get; init; }
}
