namespace MaintenanceOps.Engine.Snapshots;

/// <summary>How a prune goes about it.</summary>
public sealed record PruneOptions
{
    /// <summary>How long a doomed object stays where the kernel cannot vouch that nobody else is at work.</summary>
    public static TimeSpan DefaultGrace { get; } = TimeSpan.FromHours(24);

    /// <summary>Changes nothing; the result tells what the real run would do.</summary>
    public bool DryRun { get; init; }

    /// <summary>Goes on where no snapshot is left, or where snapshots that are known of are missing, and takes them for removed.</summary>
    public bool Force { get; init; }

    /// <summary>Removes what it dooms at once: for who knows that nobody else works in the repository.</summary>
    public bool Now { get; init; }

    /// <summary>How old a doom must be, by the store's clock, before a later prune removes what it names.</summary>
    public TimeSpan Grace { get; init; } = DefaultGrace;

    /// <summary>
    /// How far back a PostgreSQL cluster must be recoverable to any moment; base backups that are older keep only their own
    /// moment. Null keeps the log of all of them.
    /// </summary>
    public TimeSpan? RecoveryWindow { get; init; }
}
