using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Sqlite.Upkeep.Steps;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>Looks at a SQLite database beside its users, checks its content, and keeps it in shape. Nothing is held open in between.</summary>
internal sealed class SqliteUpkeep : IDatabaseUpkeep
{
    /// <summary>Upkeep gives way sooner than a backup: tomorrow is another day.</summary>
    private static readonly TimeSpan DefaultLockTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Where the file really lies: SQLite keeps the log beside the target of a link.</summary>
    private readonly string path;

    private readonly TimeSpan lockTimeout;
    private readonly IOperationSink sink;

    /// <summary>What is remembered from run to run; null where nothing is.</summary>
    private readonly DatabaseHistory? history;

    private SqliteUpkeep(string place, TimeSpan? lockTimeout, IOperationSink sink, DatabaseHistory? history)
    {
        Place = Path.GetFullPath(place);
        path = DatabaseLinks.Target(Place);
        this.lockTimeout = lockTimeout ?? DefaultLockTimeout;
        this.sink = sink;
        this.history = history;
    }

    public DatabaseEngine Engine => DatabaseEngine.Sqlite;

    public string Place { get; }

    /// <summary>Names a database; whether it can be opened shows when it is.</summary>
    public static IDatabaseUpkeep Open(string path, TimeSpan? lockTimeout, IOperationSink sink, DatabaseHistory? history) => new SqliteUpkeep(path, lockTimeout, sink, history);

    public IEnumerable<DatabaseFinding> Inspect(CancellationToken cancellation) => Ask(
        (connection, file, turns) =>
        {
            var findings = new Inspection(connection, file, Place, history?.Of(path), cancellation).Run(turns);
            history?.Looked(path, file.Size, cancellation);
            return findings;
        },
        cancellation);

    public IEnumerable<IntegrityResult> Check(VerificationLevel level, CancellationToken cancellation)
    {
        var results = new List<IntegrityResult>();
        var isWhole = false;
        try
        {
            foreach (var result in new IntegrityChecks(path, Place, lockTimeout, cancellation).Run(level))
            {
                results.Add(result);
                yield return result;
            }

            isWhole = true;
        }
        finally
        {
            // Damage that was found stays found, though nobody waits for the rest.
            if (level == VerificationLevel.Full && (isWhole || results.Exists(r => r.ProblemCount > 0)))
            {
                history?.Checked(path, results, CancellationToken.None);
            }
        }
    }

    public IReadOnlyList<OptimizationTask> Plan(OptimizationStep step, CancellationToken cancellation) =>
        Ask((connection, file, turns) => turns.Reading(connection, () => UpkeepPlan.Of(step, connection, file, cancellation)), cancellation);

    /// <summary>A rewrite keeps all writers out while it lasts.</summary>
    public string? Intrusion(OptimizationTask task) => task.Step is OptimizationStep.Vacuum or OptimizationStep.Reindex && DatabaseUsers.Of(path) is { Count: > 0 } users
        ? $"It keeps writers waiting for about {Duration.Format(task.EstimatedTime)}, and {string.Join(", ", users)} {(users.Count == 1 ? "has" : "have")} the database open."
        : null;

    public OptimizationResult Carry(OptimizationTask task, CancellationToken limited, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var before = DatabaseFile.LengthWithLog(path);
        var outcome = Try(task, limited);
        return new OptimizationResult
        {
            Engine = Engine,
            Database = Place,
            Step = task.Step,
            Object = task.Object,
            Sql = task.Sql,
            Status = outcome.Status,
            Reason = outcome.Reason,
            SizeBefore = before,
            SizeAfter = outcome.Status == OptimizationStatus.Done ? DatabaseFile.LengthWithLog(path) : null,
            Elapsed = watch.Elapsed,
        };
    }

    public void Dispose()
    {
    }

    /// <summary>Which file is at the path; zeros where the system does not number files.</summary>
    private (ulong, ulong)? Identity() => TreeAccess.Current.Facts(path) is { } facts ? (facts.Device, facts.Inode) : null;

    private StepOutcome Try(OptimizationTask task, CancellationToken cancellation)
    {
        try
        {
            var file = Identity();
            var outcome = Work(task, cancellation);

            // With a log SQLite goes on with the file that it has open, though nobody finds it any more; without one it takes it for read-only.
            return (outcome.Status, Identity() == file) switch
            {
                (_, true) => outcome,
                (OptimizationStatus.Done, _) => StepOutcome.Failed("The file was deleted or replaced meanwhile, so what was done is lost."),
                _ => outcome with { Reason = $"{outcome.Reason} The file was deleted or replaced meanwhile." },
            };
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return StepOutcome.Failed(IoErrors.Wrap(e, "optimize", Place).Message);
        }
    }

    private StepOutcome Work(OptimizationTask task, CancellationToken cancellation)
    {
        try
        {
            using var session = SqliteSession.Open(path, cancellation);
            return new UpkeepStep(session.Connection, path, lockTimeout, sink, cancellation).Run(task);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e) when (SqliteNative.IsLock(e))
        {
            return StepOutcome.Skipped($"Another connection holds a lock for longer than {Duration.Format(lockTimeout)}; nothing was changed.{Neighbours.Sentence(path)}");
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.ReadOnly)
        {
            return StepOutcome.Failed($"This user may not write '{Place}'. Check the rights on the file and its folder.");
        }
        catch (SqliteException e)
        {
            return StepOutcome.Failed(SqliteConnections.Wrap(e, Place).Message);
        }
        catch (MaintenanceException e)
        {
            return StepOutcome.Failed(e.Message);
        }
    }

    /// <summary>Asks something that changes nothing.</summary>
    private T Ask<T>(Func<SqliteConnection, DatabaseFile, LockTurns, T> ask, CancellationToken cancellation)
    {
        try
        {
            using var session = SqliteSession.Open(path, cancellation);
            var turns = new LockTurns(lockTimeout, cancellation);
            return ask(session.Connection, DatabaseFile.Read(session.Connection, path, turns), turns);
        }
        catch (SqliteException e) when (e.SqliteErrorCode == SqliteNative.Interrupt)
        {
            throw new OperationCanceledException(cancellation);
        }
        catch (SqliteException e)
        {
            throw SqliteConnections.Wrap(e, Place);
        }
    }
}
