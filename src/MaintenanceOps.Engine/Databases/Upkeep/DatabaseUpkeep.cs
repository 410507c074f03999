using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Upkeep;
using MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>Looks at databases, checks their content and keeps them in shape, whichever engine has them.</summary>
public static class DatabaseUpkeep
{
    /// <summary>What there is to know and to mend, the gravest first; nothing is changed.</summary>
    /// <exception cref="MaintenanceException">The database cannot be reached or read.</exception>
    public static IReadOnlyList<DatabaseFinding> Inspect(DatabaseTarget target, IOperationSink sink, CancellationToken cancellation)
    {
        using var database = Open(target, sink, HistoryOf(target, sink), cancellation);
        return [.. database.Inspect(cancellation).OrderByDescending(f => f.Severity).ThenByDescending(f => f.Gain ?? f.Size ?? 0)];
    }

    /// <summary>Checks the content, one result a check, as each ends.</summary>
    /// <exception cref="MaintenanceException">The database cannot be reached or read.</exception>
    public static void Check(DatabaseTarget target, VerificationLevel level, IOperationSink sink, Action<IntegrityResult> write, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(write);
        using var database = Open(target, sink, HistoryOf(target, sink), cancellation);
        foreach (var result in database.Check(level, cancellation))
        {
            write(result);
        }
    }

    /// <summary>Does what the request asks for, one result a task, as each ends.</summary>
    /// <exception cref="MaintenanceException">The database cannot be reached, or its engine has no such step.</exception>
    /// <exception cref="OperationCanceledException">Cancelled; what was done stays done. What could not be tidied up, a warning has told.</exception>
    public static void Optimize(DatabaseTarget target, OptimizationRequest request, IOperationSink sink, Action<OptimizationResult> write, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(write);
        using var database = Open(target, sink, null, cancellation);
        new OptimizationRun(database, request, sink).Run(write, cancellation);
    }

    /// <summary>The statements that <see cref="Optimize"/> would run, in its order.</summary>
    /// <exception cref="MaintenanceException">As <see cref="Optimize"/>.</exception>
    public static IReadOnlyList<string> Preview(DatabaseTarget target, OptimizationRequest request, IOperationSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(request);
        using var database = Open(target, sink, null, cancellation);
        return new OptimizationRun(database, request, sink).Preview(cancellation);
    }

    /// <summary>The database in words, without anything secret.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static string PlaceOf(DatabaseTarget target)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target.Path ?? PostgresPlace.Of(target.ConnectionString ?? "", PostgresMethod.Logical).Place;
    }

    private static DatabaseHistory? HistoryOf(DatabaseTarget target, IOperationSink sink)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target.HistoryFolder is { } folder ? new DatabaseHistory(folder, sink) : DatabaseHistory.OfUser(sink);
    }

    /// <summary>Where a new engine is registered.</summary>
    /// <param name="target">The database.</param>
    /// <param name="sink">Where it tells what it does.</param>
    /// <param name="history">What is remembered; nothing where it is null, as for work and for what only shows what it would do.</param>
    /// <param name="cancellation">Ends the attempt to connect.</param>
    private static IDatabaseUpkeep Open(DatabaseTarget target, IOperationSink sink, DatabaseHistory? history, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(target);
        return target switch
        {
            { Path: { } path, ConnectionString: null } => SqliteUpkeep.Open(path, target.LockTimeout, sink, history),
            { ConnectionString: { } connection, Path: null } => PostgresUpkeep.Open(connection, target.Credential, target.LockTimeout, sink, history: history, cancellation: cancellation),
            _ => throw new MaintenanceException(ErrorCode.InvalidArgument, "Name one database: a SQLite file or a connection to PostgreSQL."),
        };
    }
}
