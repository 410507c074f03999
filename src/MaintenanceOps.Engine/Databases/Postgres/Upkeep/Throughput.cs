namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>How long work takes by the size alone: slow disks and a busy server in mind, so that a time limit is kept.</summary>
internal static class Throughput
{
    private const double MiB = 1 << 20;

    /// <summary>An analysis reads a sample: 300 rows for each of the 100 steps of a histogram, at worst a page each.</summary>
    private const long Sample = 30_000 * 8192L;

    public static TimeSpan Vacuum(long bytes) => At(bytes, 60);

    public static TimeSpan Analyze(long bytes) => At(Math.Min(bytes, Sample), 60);

    public static TimeSpan Reindex(long bytes) => At(bytes, 20);

    public static TimeSpan Rewrite(long bytes) => At(bytes, 25);

    private static TimeSpan At(long bytes, double mebibytesPerSecond) => TimeSpan.FromSeconds(0.02 + (bytes / MiB / mebibytesPerSecond));
}
