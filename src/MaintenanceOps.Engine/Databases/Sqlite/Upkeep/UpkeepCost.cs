namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// How long a step takes, by the size alone. Measured on two cores at 2.5 GHz with a 326 MB file of 300,000 rows: VACUUM
/// 53 to 75 MB/s, REINDEX 0.3 to 2.1 s an index, ANALYZE 0.03 to 1.1 s, incremental 147 MB/s given back, a checkpoint
/// 200 MB/s. The speeds below are about half of that: a time limit is better kept than used up.
/// </summary>
internal static class UpkeepCost
{
    private const double VacuumSpeed = 30e6;
    private const double CheckpointSpeed = 80e6;
    private const double IncrementalSpeed = 60e6;
    private const double ReindexSpeed = 60e6;
    private static readonly TimeSpan AnalyzeTable = TimeSpan.FromMilliseconds(200);

    /// <summary>Reads and writes what is in use, twice.</summary>
    public static TimeSpan Vacuum(DatabaseFile file) => Seconds(file.Size - file.FreeBytes, VacuumSpeed);

    /// <summary>Moves every frame that only the log has.</summary>
    public static TimeSpan Checkpoint(DatabaseFile file) => Seconds((file.Log?.Pending ?? 0) * file.PageSize, CheckpointSpeed);

    /// <summary>Moves, at worst, one page for each that is given back.</summary>
    public static TimeSpan Incremental(DatabaseFile file) => Seconds(file.FreeBytes, IncrementalSpeed);

    /// <summary>Reads the index's table; how large one is cannot be asked, so they share the file evenly.</summary>
    public static TimeSpan Reindex(DatabaseFile file, int tables) => Seconds(file.Size / Math.Max(1, tables), ReindexSpeed);

    /// <summary>Puts each page of an index on the list of free ones.</summary>
    public static TimeSpan Drop(long bytes) => Seconds(bytes, ReindexSpeed);

    /// <summary>A bounded number of rows of each index is read, whatever its size.</summary>
    public static TimeSpan Analyze(int tables) => AnalyzeTable * tables;

    private static TimeSpan Seconds(long bytes, double speed) => TimeSpan.FromSeconds(0.01 + (Math.Max(0, bytes) / speed));
}
