using System.Globalization;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Steps;

/// <summary>Gives free pages back in slices, each a short transaction of its own: writers wait for one slice, never for all.</summary>
internal sealed class IncrementalStep(UpkeepStep step)
{
    private const int SlicePages = 500;

    /// <summary>Long enough for a waiting writer to look again.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(5);

    public StepOutcome Run(DatabaseFile file)
    {
        if (!file.IsIncremental)
        {
            // Forced or not, it would do nothing.
            return StepOutcome.Skipped("auto_vacuum is not incremental. 'PRAGMA auto_vacuum = 2; VACUUM' on one connection sets it.");
        }

        var left = file.FreePages;
        try
        {
            left = Slices(file);
        }
        catch (SqliteException e) when (SqliteNative.IsLock(e) && Free() is var rest && rest < file.FreePages)
        {
            left = rest;
        }

        if (file.IsWal)
        {
            _ = new CheckpointStep(step).Truncate();
        }

        return left == 0
            ? StepOutcome.Done()
            : StepOutcome.Done(string.Create(CultureInfo.InvariantCulture, $"{left:N0} free pages are left: somebody wrote meanwhile.{Neighbours.Sentence(step.Path)}"));
    }

    /// <summary>How many pages stay free: those that others freed behind it, and those that it could not move.</summary>
    private long Slices(DatabaseFile file)
    {
        for (var left = file.FreePages; left > 0;)
        {
            step.Sink.Progress($"Giving free pages of {step.Path} back", file.FreePages - left, file.FreePages, "pages");
            step.Turns().Run(step.Connection, string.Create(CultureInfo.InvariantCulture, $"PRAGMA incremental_vacuum({SlicePages})"));
            var now = Free();
            if (now >= left)
            {
                return now;
            }

            left = now;
            step.Cancellation.WaitHandle.WaitOne(Pause);
        }

        return 0;
    }

    private long Free() => step.Connection.Scalar<long>("PRAGMA freelist_count");
}
