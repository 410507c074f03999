using System.Globalization;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Steps;

/// <summary>Moves the log into the database and cuts it off; behind a reader it moves what the reader does not need.</summary>
internal sealed class CheckpointStep(UpkeepStep step)
{
    /// <summary>For so long writers are kept out where a reader is in the way.</summary>
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(50);

    public StepOutcome Run(DatabaseFile file)
    {
        if (!file.IsWal)
        {
            return StepOutcome.Skipped($"There is no write-ahead log: journal_mode is {file.JournalMode}.");
        }

        step.Sink.Progress($"Moving the log into {step.Path}", 0, -1);
        var (frames, moved) = Truncate();
        if (frames == 0)
        {
            return StepOutcome.Done();
        }

        var users = Neighbours.Sentence(step.Path);
        if (frames == moved)
        {
            return StepOutcome.Done($"All of the log is in the database; a reader kept it from being cut off.{users}");
        }

        var left = string.Create(CultureInfo.InvariantCulture, $"{frames - moved:N0} of {frames:N0} frames of the log are not in the database: somebody reads or writes.{users}");
        return moved > (file.Log?.Moved ?? 0) ? StepOutcome.Done(left) : StepOutcome.Skipped(left);
    }

    /// <summary>Tries until the log is empty or the time-out is over: frames in the log, and how many of them the database has.</summary>
    /// <remarks>
    /// A passive checkpoint moves all that it can and keeps nobody out. What is left for the truncating one is little; that one
    /// keeps writers out while it waits for readers, so it waits in short turns.
    /// </remarks>
    public (long Frames, long Moved) Truncate()
    {
        // An interruption ends what runs, and what is begun after it knows nothing of it.
        step.Cancellation.ThrowIfCancellationRequested();
        step.Connection.Execute("PRAGMA wal_checkpoint(PASSIVE)");
        var turns = step.Turns();
        (long Frames, long Moved) log = (-1, -1);
        turns.Until(() =>
        {
            var (busy, frames, moved) = Try();
            log = (frames, moved);
            return busy == 0 && frames == moved;
        });
        if (log.Frames >= 0)
        {
            return log;
        }

        // Somebody else's checkpoint was in the way all the time, and SQLite gave no numbers.
        return WalIndex.Read(step.Connection) is { } index ? (index.Frames, index.Moved) : (0, 0);
    }

    /// <summary>Whether it was kept from cutting the log off, frames in the log, and frames moved.</summary>
    private (long Busy, long Frames, long Moved) Try()
    {
        _ = raw.sqlite3_busy_timeout(step.Connection.Handle, (int)Turn.TotalMilliseconds);
        return step.Connection.Column("PRAGMA wal_checkpoint(TRUNCATE)", r => (r.GetInt64(0), r.GetInt64(1), r.GetInt64(2)))[0];
    }
}
