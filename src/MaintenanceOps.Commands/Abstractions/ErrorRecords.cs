using System.Management.Automation;
using MaintenanceOps.Engine;

namespace MaintenanceOps.Commands;

/// <summary>The one place where failures become error records: the code is the error id, the item is the target.</summary>
internal static class ErrorRecords
{
    public static ErrorRecord From(Exception exception, object? target)
    {
        var failure = exception as MaintenanceException
            ?? new MaintenanceException(ErrorCode.Unexpected, $"{exception.GetType().Name}: {exception.Message}", target?.ToString(), exception);
        if (SecretText.Hide(failure.Message) is var message && message != failure.Message)
        {
            // The engine does not repeat passwords; words that others made may, and so may the exceptions inside.
            failure = new MaintenanceException(failure.Code, message, SecretText.IsLikely(failure.Target) ? null : failure.Target);
        }

        return new ErrorRecord(failure, failure.Code.ToString(), CategoryOf(failure.Code), Safe(target) ?? Safe(failure.Target));
    }

    /// <summary>A connection string where a path should be; none of it is told.</summary>
    public static ErrorRecord NotAPath() => From(
        new MaintenanceException(ErrorCode.InvalidArgument, "That is a connection string and no path, and is not shown. Give it with -ConnectionString where the command has it. A path that looks like one is written ./path."),
        null);

    public static ErrorRecord OtherProvider(string path, string provider) => From(
        new MaintenanceException(ErrorCode.InvalidArgument, $"'{path}' belongs to the provider {provider}; only paths of the file system can be used.", path),
        path);

    public static ErrorRecord NoMatch(string path) => From(
        new MaintenanceException(ErrorCode.PathNotFound, $"There is nothing at '{path}'.", path),
        path);

    private static object? Safe(object? target) => target is string or Uri && SecretText.IsLikely(target.ToString()) ? null : target;

    /// <summary>One entry of the source that is missing in a snapshot.</summary>
    public static ErrorRecord Missing(Snapshot snapshot, string name) => From(
        new MaintenanceException(ErrorCode.SnapshotIncomplete, $"'{name}' could not be read and is missing, or not whole, in snapshot {snapshot.ShortId} of '{snapshot.Source}'; a warning says why. Mend that, exclude it, or accept it with -AllowIncomplete.", name),
        name);

    /// <summary>A database that was asked for and is missing in a snapshot.</summary>
    public static ErrorRecord MissingDatabase(Snapshot snapshot, string name) => From(
        new MaintenanceException(ErrorCode.SnapshotIncomplete, $"Database '{name}' lets nobody in and is missing in snapshot {snapshot.ShortId} of '{snapshot.Source}'. Let connections in, choose others with -Database, or accept it with -AllowIncomplete.", name),
        name);

    private static ErrorCategory CategoryOf(ErrorCode code) => code switch
    {
        ErrorCode.InvalidArgument or ErrorCode.RetentionPolicyEmpty => ErrorCategory.InvalidArgument,
        ErrorCode.PathNotFound or ErrorCode.RepositoryNotFound or ErrorCode.SnapshotNotFound or ErrorCode.ItemNotFound => ErrorCategory.ObjectNotFound,
        ErrorCode.AccessDenied => ErrorCategory.PermissionDenied,
        ErrorCode.PassphraseRequired or ErrorCode.PassphraseWrong => ErrorCategory.AuthenticationError,
        ErrorCode.DiskFull => ErrorCategory.LimitsExceeded,
        ErrorCode.InputOutput => ErrorCategory.WriteError,
        ErrorCode.RepositoryExists or ErrorCode.DestinationInUse => ErrorCategory.ResourceExists,
        ErrorCode.RepositoryLocked or ErrorCode.DatabaseBusy => ErrorCategory.ResourceBusy,
        ErrorCode.StoreUnavailable => ErrorCategory.ResourceUnavailable,
        ErrorCode.RepositoryTooNew => ErrorCategory.NotImplemented,
        ErrorCode.RepositoryDamaged or ErrorCode.SnapshotDamaged or ErrorCode.VerificationFailed
            or ErrorCode.DatabaseCorrupt or ErrorCode.DatabaseEmpty or ErrorCode.NotADatabase => ErrorCategory.InvalidData,
        ErrorCode.SnapshotAmbiguous or ErrorCode.SnapshotKindMismatch => ErrorCategory.InvalidType,
        ErrorCode.KeyNotRemovable or ErrorCode.RetentionSuspicious or ErrorCode.LeaseLost => ErrorCategory.InvalidOperation,
        ErrorCode.DestinationEscaped => ErrorCategory.SecurityError,
        ErrorCode.PlanInvalid or ErrorCode.SnapshotIncomplete or ErrorCode.LatestUnreadable or ErrorCode.RestoreIncomplete => ErrorCategory.InvalidData,
        ErrorCode.MountInTheWay or ErrorCode.SourceChanged => ErrorCategory.ResourceBusy,
        ErrorCode.SnapshotsMissing or ErrorCode.DrillNotPossible => ErrorCategory.InvalidOperation,
        ErrorCode.NotHealthy => ErrorCategory.OperationTimeout,
        ErrorCode.Cancelled => ErrorCategory.OperationStopped,
        _ => ErrorCategory.NotSpecified,
    };
}
