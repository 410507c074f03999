using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;
using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Steps;

/// <summary>Rewrites the file without its free pages, where nobody uses it; a database in use is left alone.</summary>
internal sealed class VacuumStep(UpkeepStep step)
{
    /// <summary>For giving back the room of a log: whoever cancels wants an end.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(600);

    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(50);

    public StepOutcome Run(DatabaseFile file)
    {
        FreeSpace.Require(step.Path, file.VacuumSpace);
        FreeSpace.Require(TemporaryFolder.OfSqlite(), file.Size - file.FreeBytes);
        return file.IsWal ? BesideLog() : Rewrite();
    }

    private StepOutcome BesideLog()
    {
        var checkpoint = new CheckpointStep(step);

        // Behind a reader the file could not shrink, and the log would grow by all of it; so nothing is begun.
        if (checkpoint.Truncate() is not (0, _) || !step.Turns().Until(() => !WalIndex.HasReaders(step.Connection)))
        {
            return StepOutcome.Skipped($"Somebody reads or writes for longer than {Duration.Format(step.LockTimeout)}; the database was left alone.{Neighbours.Sentence(step.Path)}");
        }

        RewriteIntoLog();
        try
        {
            if (checkpoint.Truncate() is (0, _))
            {
                return StepOutcome.Done();
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SqliteException { SqliteErrorCode: SqliteNative.Interrupt })
        {
            // What is rewritten is committed; only its move into the file was cut short, and closing must not take it up again.
            _ = raw.sqlite3_db_config(step.Connection.Handle, raw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, out _);
        }

        return StepOutcome.Done($"The rewritten database is in the log; the file shrinks at the next checkpoint that no reader keeps from ending.{Neighbours.Sentence(step.Path)}");
    }

    /// <summary>What is copied into the log can be given up at any page: it counts only with its last one.</summary>
    private void RewriteIntoLog()
    {
        try
        {
            using var stop = WriteStop.On(SqliteNative.JournalFile(step.Connection.Handle!), step.Cancellation);
            Rewrite();
        }
        catch (SqliteException) when (step.Cancellation.IsCancellationRequested)
        {
            CutLog();
            throw new OperationCanceledException(step.Cancellation);
        }
    }

    /// <summary>Gives back the room of what was copied in vain, on a connection that nobody has told to end.</summary>
    private void CutLog()
    {
        try
        {
            using var beside = SqliteConnections.OpenBeside(step.Path, Turn);
            new LockTurns(Patience, CancellationToken.None).Until(() =>
            {
                _ = raw.sqlite3_busy_timeout(beside.Handle, (int)Turn.TotalMilliseconds);
                return beside.Column("PRAGMA wal_checkpoint(TRUNCATE)", r => r.GetInt64(0))[0] == 0;
            });
        }
        catch (SqliteException)
        {
            // Somebody uses the log all the time, and overwrites from its beginning what is of no use there.
        }
    }

    /// <summary>Without a log SQLite takes the file for itself before it begins, or does not begin.</summary>
    private StepOutcome Rewrite()
    {
        step.Sink.Progress($"Rewriting {step.Path}", 0, -1);
        step.Turns().Run(step.Connection, "VACUUM");
        return StepOutcome.Done();
    }
}
