using MaintenanceOps.Engine.Snapshots.Format;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>What was learnt of captured pages.</summary>
/// <param name="Integrity"><c>ok</c>, or what the check complained about.</param>
/// <param name="Unchecked">What could not be checked, and why.</param>
/// <param name="Facts">What a snapshot keeps of the database beside its pages.</param>
internal sealed record CaptureFindings(string Integrity, IReadOnlyList<string> Unchecked, SqliteFacts Facts);

/// <summary>
/// Checks and counts the captured pages on a thread of its own, while others store them. It is always ended before the
/// state is: a long statement is interrupted.
/// </summary>
internal sealed class CaptureCheck : IDisposable
{
    private readonly CapturedState state;
    private readonly HotDatabase database;
    private readonly CancellationTokenSource stop;
    private readonly Task<CaptureFindings> work;

    public CaptureCheck(CapturedState state, HotDatabase database, bool countOnly, CancellationToken cancellation)
    {
        this.state = state;
        this.database = database;
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        work = Task.Factory.StartNew(() => Look(countOnly), CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Waits for the end.</summary>
    /// <exception cref="MaintenanceException">The state did not hold, or the pages are no database.</exception>
    public CaptureFindings Finish()
    {
        try
        {
            return work.GetAwaiter().GetResult();
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt && stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(stop.Token);
        }
        catch (SqliteException e)
        {
            // What a torn state makes SQLite say is no word about the database.
            state.RequireSteady();
            throw SqliteConnections.Wrap(e, database.Path);
        }
    }

    public void Dispose()
    {
        stop.Cancel();
        Task.WaitAny(work);
        _ = work.Exception;
        stop.Dispose();
    }

    private CaptureFindings Look(bool countOnly)
    {
        using var connection = state.OpenForChecks();
        connection.CancelOn(stop.Token);
        var checkedAs = countOnly ? new SqliteCheck.Result("ok", []) : SqliteCheck.Run(connection, thorough: false);
        stop.Token.ThrowIfCancellationRequested();
        return new CaptureFindings(checkedAs.Integrity, checkedAs.Unchecked, new SqliteFacts
        {
            PageSize = database.PageSize,
            JournalMode = database.JournalMode,
            EngineVersion = database.EngineVersion,
            SchemaHash = SqliteInspection.SchemaHash(connection),
            Tables = SqliteInspection.CountRows(connection, stop.Token),
            StateToken = database.StateToken(),
        });
    }
}
