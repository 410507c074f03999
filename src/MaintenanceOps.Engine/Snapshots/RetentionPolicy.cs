namespace MaintenanceOps.Engine.Snapshots;

/// <summary>How many snapshots of a source to keep. A number of -1 keeps all of that kind; zero sets no rule.</summary>
public sealed record RetentionPolicy
{
    /// <summary>The newest ones.</summary>
    public int KeepLast { get; init; }

    /// <summary>The newest of each of so many hours that have snapshots.</summary>
    public int KeepHourly { get; init; }

    /// <summary>The newest of each of so many days that have snapshots.</summary>
    public int KeepDaily { get; init; }

    /// <summary>The newest of each of so many weeks (Monday to Sunday, ISO 8601) that have snapshots.</summary>
    public int KeepWeekly { get; init; }

    /// <summary>The newest of each of so many months that have snapshots.</summary>
    public int KeepMonthly { get; init; }

    /// <summary>The newest of each of so many years that have snapshots.</summary>
    public int KeepYearly { get; init; }

    /// <summary>All that are no older than this, counted back from the source's newest snapshot.</summary>
    public TimeSpan? KeepWithin { get; init; }

    /// <summary>All with one of these tags.</summary>
    public IReadOnlyList<string> KeepTags { get; init; } = [];

    /// <summary>The time zone in which hours, days, weeks, months and years begin.</summary>
    public TimeZoneInfo TimeZone { get; init; } = TimeZoneInfo.Utc;

    /// <summary>Whether no rule is set, so that everything would go.</summary>
    public bool IsEmpty => KeepLast == 0 && KeepHourly == 0 && KeepDaily == 0 && KeepWeekly == 0 && KeepMonthly == 0
        && KeepYearly == 0 && KeepWithin is null && KeepTags.Count == 0;
}
