using System.Globalization;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>Free pages, the size of a page, and whether there is room to grow and to rewrite.</summary>
internal static class SpaceRules
{
    /// <summary>A rewrite pays from this share of free pages and this many bytes on; a file that breathes is left alone.</summary>
    public const double WorthShare = 0.2;

    /// <inheritdoc cref="WorthShare"/>
    public const long WorthBytes = 64 * 1024 * 1024;

    private const double NotableShare = 0.2;
    private const long NotableBytes = 8 * 1024 * 1024;
    private const int GoodPage = 4096;
    private const long SmallDatabase = 10 * 1024 * 1024;
    private const double NearLimit = 0.8;

    public static bool IsWorthwhile(DatabaseFile file) => file.FreeShare >= WorthShare && file.FreeBytes >= WorthBytes;

    public static IEnumerable<DatabaseFinding> Look(Inspection look) =>
        [.. FreePages(look), .. AutoVacuum(look), .. PageSize(look), .. VolumeSpace(look), .. PageLimit(look)];

    private static IEnumerable<DatabaseFinding> FreePages(Inspection look)
    {
        var file = look.File;
        if (!IsWorthwhile(file) && (file.FreeShare < NotableShare || file.FreeBytes < NotableBytes))
        {
            yield break;
        }

        var message = string.Create(CultureInfo.InvariantCulture, $"{file.FreeShare:P0} of the file, {ByteSize.Format(file.FreeBytes)}, are free pages.");
        var finding = look.Finding(FindingSeverity.Information, "FreePages", message) with { Size = file.FreeBytes, Ratio = file.FreeShare };
        yield return !IsWorthwhile(file)
            ? finding with { Advice = "They are used again as the database grows; a rewrite would give back too little." }
            : finding with
            {
                Severity = FindingSeverity.Warning,
                Gain = file.FreeBytes,
                Action = file.IsIncremental ? OptimizationStep.Incremental : OptimizationStep.Vacuum,
                Sql = file.IsIncremental ? "PRAGMA incremental_vacuum" : "VACUUM",
                EstimatedTime = file.IsIncremental ? UpkeepCost.Incremental(file) : UpkeepCost.Vacuum(file),
                EstimatedSpace = file.IsIncremental ? null : file.VacuumSpace,
            };
    }

    private static IEnumerable<DatabaseFinding> AutoVacuum(Inspection look)
    {
        if (look.File.AutoVacuum == 0 && IsWorthwhile(look.File))
        {
            yield return look.Finding(FindingSeverity.Information, "AutoVacuum", "The database keeps its free pages until it is rewritten: auto_vacuum is off.") with
            {
                Sql = "PRAGMA auto_vacuum = 2; VACUUM",
                Advice = "Where much is deleted again and again, incremental auto-vacuum gives pages back in small steps. One VACUUM on the same connection sets it.",
            };
        }
    }

    private static IEnumerable<DatabaseFinding> PageSize(Inspection look)
    {
        if (look.File.PageSize < GoodPage && look.File.Size > SmallDatabase)
        {
            yield return look.Finding(FindingSeverity.Information, "PageSize", $"Pages have {look.File.PageSize} bytes; most disks read and write {GoodPage} at once.") with
            {
                Size = look.File.PageSize,
                Sql = look.File.IsWal ? $"PRAGMA journal_mode = DELETE; PRAGMA page_size = {GoodPage}; VACUUM; PRAGMA journal_mode = WAL" : $"PRAGMA page_size = {GoodPage}; VACUUM",
                Advice = "The page size changes by a VACUUM outside WAL mode, with the application stopped.",
            };
        }
    }

    private static IEnumerable<DatabaseFinding> VolumeSpace(Inspection look)
    {
        var needed = 2 * look.File.Size;
        if (FreeSpace.Of(look.File.Path) is { } free && free < needed)
        {
            yield return look.Finding(FindingSeverity.Warning, "VolumeSpace", $"The volume has {ByteSize.Format(free)} free, less than twice the database's {ByteSize.Format(look.File.Size)}.") with
            {
                Size = look.File.Size,
                Ratio = (double)needed / Math.Max(1, free),
                Advice = "A rewrite or a restore beside it has no room. Free some space or move the database.",
            };
        }
    }

    private static IEnumerable<DatabaseFinding> PageLimit(Inspection look)
    {
        // The limit of this connection, which nobody lowered: the one of the file format.
        var limit = look.Connection.Scalar<long>("PRAGMA max_page_count");
        var share = (double)look.File.Pages / limit;
        if (share >= NearLimit)
        {
            yield return look.Finding(FindingSeverity.Warning, "PageLimit", string.Create(CultureInfo.InvariantCulture, $"{share:P0} of the pages that a SQLite database can have are in use.")) with
            {
                Size = look.File.Size,
                Ratio = share,
                Advice = "A larger page size raises the limit; so does moving to a database server.",
            };
        }
    }
}
