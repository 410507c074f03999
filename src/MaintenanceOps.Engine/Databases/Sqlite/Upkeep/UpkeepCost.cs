namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// How long a step takes, by the size alone. FIGURES
/// </summary>
internal static class UpkeepCost
{
    private const double VacuumSpeed = 40e6;
    private const double CheckpointSpeed = 80e6;
    private const double IncrementalSpeed = 20e6;
    private const double ReindexSpeed = 30e6;
    private static readonly TimeSpan AnalyzeTable = TimeSpan.FromMilliseconds(50);

    /// <summary>Reads and writes what is in use, twice.</summary>
    public static TimeSpan Vacuum(DatabaseFile file) => Seconds(file.Size - file.FreeBytes, VacuumSpeed);

    /// <summary>Moves every frame that only the log has.</summary>
    public static TimeSpan Checkpoint(DatabaseFile file) => Seconds((file.Log?.Pending ?? 0) * file.PageSize, CheckpointSpeed);

    /// <summary>Moves, at worst, one page for each that is given back.</summary>
    public static TimeSpan Incremental(DatabaseFile file) => Seconds(file.FreeBytes, IncrementalSpeed);

    /// <summary>Reads a table and writes its index anew; how large an index is cannot be asked, so they share the file evenly.</summary>
    public static TimeSpan Reindex(DatabaseFile file, int indexes) => Seconds(file.Size / Math.Max(1, indexes), ReindexSpeed);

    /// <summary>A bounded number of rows of each index is read, whatever its size.</summary>
    public static TimeSpan Analyze(int tables) => AnalyzeTable * tables;

    private static TimeSpan Seconds(long bytes, double speed) => TimeSpan.FromSeconds(0.01 + (Math.Max(0, bytes) / speed));
}
