namespace MaintenanceOps.Engine.Databases.Upkeep;

/// <summary>An open database that can be looked at and kept in shape; one implementation for each engine.</summary>
internal interface IDatabaseUpkeep : IDisposable
{
    /// <summary>What keeps it.</summary>
    DatabaseEngine Engine { get; }

    /// <summary>The database in words, without anything secret.</summary>
    string Place { get; }

    /// <summary>Looks at everything that costs no more than reading statistics and headers, and changes nothing.</summary>
    /// <exception cref="MaintenanceException">The database cannot be asked.</exception>
    IEnumerable<DatabaseFinding> Inspect(CancellationToken cancellation);

    /// <summary>Checks the content: Quick for what can be done daily, Full for everything.</summary>
    IEnumerable<IntegrityResult> Check(VerificationLevel level, CancellationToken cancellation);

    /// <summary>What a step means for this database now: one task for each object, those that do not pay among them.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the engine has no such step.</exception>
    IReadOnlyList<OptimizationTask> Plan(OptimizationStep step, CancellationToken cancellation);

    /// <summary>Whom a task would keep waiting, in a sentence; null where it goes on beside the application. Such a task is done only where its step was named.</summary>
    string? Intrusion(OptimizationTask task);

    /// <summary>Does one task. A lock that is in the way, a lack of space or a statement that fails is a result, not an exception.</summary>
    /// <param name="task">What is to be done.</param>
    /// <param name="limited">Ends the task: the caller's token, or a time limit.</param>
    /// <param name="cancellation">The caller's token: whoever cancels wants an end at once, and a time limit leaves time to tidy up.</param>
    /// <exception cref="OperationCanceledException">A token was cancelled. What could not be tidied up, a warning has told.</exception>
    OptimizationResult Carry(OptimizationTask task, CancellationToken limited, CancellationToken cancellation);
}
