using System.Globalization;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>The write-ahead log: how large it is, how much of it only it has, and who keeps it from being moved.</summary>
internal static class LogRules
{
    /// <summary>SQLite moves the log by itself from 1,000 frames on; twice that means that it could not.</summary>
    private const int HeldFrames = 2000;

    private const long LargeLog = 64 * 1024 * 1024;

    /// <summary>A log is also large beside a small database, though not below this.</summary>
    private const long NotableLog = 16 * 1024 * 1024;

    public static IEnumerable<DatabaseFinding> Look(Inspection look) => [.. WalSize(look), .. CheckpointHeld(look), .. JournalMode(look)];

    private static IEnumerable<DatabaseFinding> WalSize(Inspection look)
    {
        var file = look.File;
        if (file.LogLength <= LargeLog && (file.LogLength <= NotableLog || file.LogLength <= file.Size))
        {
            yield break;
        }

        var pending = file.Log is { } log ? string.Create(CultureInfo.InvariantCulture, $"; {log.Pending:N0} of {log.Frames:N0} frames are not in the database yet") : "";
        yield return look.Finding(FindingSeverity.Warning, "WalSize", $"The write-ahead log has {ByteSize.Format(file.LogLength)}{pending}.") with
        {
            Size = file.LogLength,
            Ratio = (double)file.LogLength / Math.Max(1, file.Size),
            Action = OptimizationStep.Checkpoint,
            Sql = "PRAGMA wal_checkpoint(TRUNCATE)",
            Advice = "Reading slows down with the frames to look through, and a copy of the file alone lacks them.",
            Gain = file.LogLength,
            EstimatedTime = UpkeepCost.Checkpoint(file),
        };
    }

    private static IEnumerable<DatabaseFinding> CheckpointHeld(Inspection look)
    {
        if (look.File.Log is not { Pending: > HeldFrames } log)
        {
            yield break;
        }

        var readers = log.Readers.Where(seen => seen < log.Frames).ToList();
        var why = readers.Count > 0
            ? string.Create(CultureInfo.InvariantCulture, $"A reader that began at frame {readers.Min():N0} of {log.Frames:N0} keeps the log from being moved into the database.")
            : string.Create(CultureInfo.InvariantCulture, $"{log.Pending:N0} frames of the log were never moved into the database.");
        yield return look.Finding(FindingSeverity.Warning, "CheckpointHeld", why + Neighbours.Sentence(look.File.Path)) with
        {
            Size = log.Pending * look.File.PageSize,
            Ratio = (double)log.Pending / log.Frames,
            Action = OptimizationStep.Checkpoint,
            Sql = "PRAGMA wal_checkpoint(TRUNCATE)",
            Advice = readers.Count > 0
                ? "The log grows until that reader ends its transaction: look for a statement that is not read to its end, or a transaction left open."
                : "Automatic checkpoints are off, or their program was killed.",
            EstimatedTime = UpkeepCost.Checkpoint(look.File),
        };
    }

    private static IEnumerable<DatabaseFinding> JournalMode(Inspection look)
    {
        // A program that keeps the file open is a server; a tool that comes and goes is well served without a log.
        if (!look.File.IsWal && Neighbours.Of(look.File.Path) is { Count: > 0 } users)
        {
            yield return look.Finding(FindingSeverity.Information, "JournalMode", $"Readers and writers wait for each other: journal_mode is {look.File.JournalMode}. It is open in {string.Join(", ", users)}.") with
            {
                Sql = "PRAGMA journal_mode = WAL",
                Advice = "With a write-ahead log readers go on beside a writer. It needs a local disk, and stays set.",
            };
        }
    }
}
