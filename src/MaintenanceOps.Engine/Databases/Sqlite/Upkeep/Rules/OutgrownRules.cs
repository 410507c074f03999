using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Rules;

/// <summary>Signs that the database has outgrown one file and one writer. Each is one measurement, not a history.</summary>
internal static class OutgrownRules
{
    private const long LargeDatabase = 10L * 1024 * 1024 * 1024;
    private const long LargePeak = 1024L * 1024 * 1024;

    /// <summary>So short that nobody notices; the lock is given back at once.</summary>
    private static readonly TimeSpan LockProbe = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan SlowSync = TimeSpan.FromMilliseconds(50);

    public static IEnumerable<DatabaseFinding> Look(Inspection look) => [.. Size(look), .. LogPeak(look), .. LockWaits(look), .. WriteLatency(look, SyncProbe.Measure(Path.GetDirectoryName(look.File.Path)!))];

    private static IEnumerable<DatabaseFinding> Size(Inspection look)
    {
        if (look.File.Size > LargeDatabase)
        {
            yield return look.Finding(FindingSeverity.Warning, "Outgrown", $"The database has {ByteSize.Format(look.File.Size)}; above {ByteSize.Format(LargeDatabase)} rewrites, checks and restores take long.") with
            {
                Size = look.File.Size,
                Ratio = (double)look.File.Size / LargeDatabase,
                Advice = "Move old rows or large contents out of it, or the application to PostgreSQL.",
            };
        }
    }

    private static IEnumerable<DatabaseFinding> LogPeak(Inspection look)
    {
        // The file keeps its largest length until a checkpoint cuts it off.
        if (look.File.LogLength > LargePeak)
        {
            yield return look.Finding(FindingSeverity.Warning, "Outgrown", $"The write-ahead log once grew to {ByteSize.Format(look.File.LogLength)}: more was written than could be moved into the database meanwhile.", "wal") with
            {
                Size = look.File.LogLength,
                Ratio = (double)look.File.LogLength / LargePeak,
                Advice = "Look for very large transactions and readers that never end; if it is plain load, one writer at a time no longer suffices.",
            };
        }
    }

    private static IEnumerable<DatabaseFinding> LockWaits(Inspection look)
    {
        _ = raw.sqlite3_busy_timeout(look.Connection.Handle, (int)LockProbe.TotalMilliseconds);
        var result = raw.sqlite3_exec(look.Connection.Handle, "BEGIN IMMEDIATE");
        if (result == SqliteNative.Ok)
        {
            look.Connection.Execute("ROLLBACK");
        }
        else if (result is SqliteNative.Busy or SqliteNative.Locked)
        {
            yield return look.Finding(FindingSeverity.Warning, "LockWaits", $"Another connection held the write lock for more than {Duration.Format(LockProbe)}.{Neighbours.Sentence(look.File.Path)}") with
            {
                Advice = "All writers wait meanwhile. If it is found again and again: shorter transactions, no network or user between BEGIN and COMMIT, or a database server.",
            };
        }

        // Anything else means that this user may not write, which is no wait.
    }

    internal static IEnumerable<DatabaseFinding> WriteLatency(Inspection look, TimeSpan? measured)
    {
        if (measured is { } latency && latency > SlowSync)
        {
            yield return look.Finding(FindingSeverity.Warning, "WriteLatency", $"A synced write beside the database takes {Duration.Format(latency)} (median).") with
            {
                Ratio = latency / SlowSync,
                Advice = "Each commit waits that long. Look at the disk and its other users; with a write-ahead log, synchronous = NORMAL syncs only at checkpoints.",
            };
        }
    }
}
