namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>From where on the rules speak; tests set some of them lower.</summary>
internal sealed record UpkeepLimits
{
    /// <summary>Nobody gains from rebuilding what is smaller.</summary>
    public long BloatSize { get; init; } = 10L << 20;

    /// <summary>
    /// The share of a relation that is air. A healthy index that grows at random places is filled to about 70 % of a page,
    /// which is 22 % below the 90 that it is built with.
    /// </summary>
    public double BloatRatio { get; init; } = 0.3;

    /// <summary>The same for an estimate that nothing confirms: it knows nothing of padding and of repeated keys.</summary>
    public double UnconfirmedBloatRatio { get; init; } = 0.4;

    /// <summary>What may be read in all to confirm estimates; beyond it they stay estimates.</summary>
    public long ConfirmBytes { get; init; } = 512L << 20;

    /// <summary>An index that nobody used for less time may have its use at the month's end.</summary>
    public TimeSpan UnusedAfter { get; init; } = TimeSpan.FromDays(30);

    public long UnusedSize { get; init; } = 1L << 20;

    public long ForeignKeyTableSize { get; init; } = 10L << 20;

    public TimeSpan Transaction { get; init; } = TimeSpan.FromMinutes(5);

    public TimeSpan IdleInTransaction { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Shorter waits for locks are everyday life.</summary>
    public TimeSpan Blocked { get; init; } = TimeSpan.FromSeconds(1);

    public TimeSpan BlockedLong { get; init; } = TimeSpan.FromMinutes(5);

    public TimeSpan Prepared { get; init; } = TimeSpan.FromMinutes(5);

    public long ReplicationBytes { get; init; } = 256L << 20;

    public TimeSpan ReplicationTime { get; init; } = TimeSpan.FromMinutes(1);

    public long SlotBytes { get; init; } = 1L << 30;

    public TimeSpan Inspection { get; init; } = TimeSpan.FromSeconds(30);
}
