using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>The one place where failures become error records: the code is the error id, the item is the target.</summary>
internal static class ErrorRecords
{
    public static ErrorRecord From(Exception exception, object? target)
    {
        var failure = exception as MaintenanceException
            ?? new MaintenanceException(ErrorCode.Unexpected, $"{exception.GetType().Name}: {exception.Message}", target?.ToString(), exception);
        return new ErrorRecord(failure, failure.Code.ToString(), CategoryOf(failure.Code), target ?? failure.Target);
    }

    public static ErrorRecord OtherProvider(string path, string provider) => From(
        new MaintenanceException(ErrorCode.InvalidArgument, $"'{path}' belongs to the provider {provider}; only paths of the file system can be used.", path),
        path);

    public static ErrorRecord NoMatch(string path) => From(
        new MaintenanceException(ErrorCode.PathNotFound, $"There is nothing at '{path}'.", path),
        path);

    /// <summary>One entry of the source that is missing in a snapshot.</summary>
    public static ErrorRecord Missing(Snapshot snapshot, string name) => From(
        new MaintenanceException(ErrorCode.SnapshotIncomplete, $"'{name}' could not be read and is missing in snapshot {snapshot.ShortId} of '{snapshot.Source}'. Give the right to read it, exclude it, or accept it with -AllowIncomplete.", name),
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
