namespace MaintenanceOps.Engine.Storage;

/// <summary>Turns what the operating system reports into the engine's codes.</summary>
internal static class IoErrors
{
    private const int UnixTooManyOnMachine = 23;
    private const int UnixTooManyOpen = 24;

    /// <summary>What Unix reports of a file that would become too large.</summary>
    public const int UnixTooLarge = 27;

    private const int UnixNoSpace = 28;
    private const int UnixQuota = 122;
    private const int WindowsDiskFull = unchecked((int)0x80070070);
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);

    /// <summary>Whether the exception is one that <see cref="Wrap"/> knows how to name.</summary>
    public static bool IsKnown(Exception exception) => exception is IOException or UnauthorizedAccessException;

    /// <summary>Names a failure of reading or writing a path.</summary>
    /// <param name="exception">What the operating system reported.</param>
    /// <param name="doing">What was tried, as in <c>write</c>.</param>
    /// <param name="path">The path or object it was tried on.</param>
    public static MaintenanceException Wrap(Exception exception, string doing, string path) => exception switch
    {
        UnauthorizedAccessException => new(ErrorCode.AccessDenied, $"Cannot {doing} '{path}': access is denied{At(exception, path)}. Check the owner, the permissions, and whether it is mounted or marked (chattr) for reading only.", path, exception),
        FileNotFoundException or DirectoryNotFoundException => new(ErrorCode.PathNotFound, $"Cannot {doing} '{path}': it does not exist.", path, exception),
        IOException io when IsDiskFull(io) => new(ErrorCode.DiskFull, $"Cannot {doing} '{path}': the volume is full. Free some space and run it again; what was committed before is untouched.", path, exception),
        IOException { HResult: UnixTooLarge } => new(ErrorCode.InputOutput, $"Cannot {doing} '{path}': the file would be larger than this process may write (ulimit -f, LimitFSIZE=) or than the file system holds. Raise the limit and run it again.", path, exception),
        IOException { HResult: UnixTooManyOpen or UnixTooManyOnMachine } => new(ErrorCode.InputOutput, $"Cannot {doing} '{path}': this process has as many files open as it may (ulimit -n, LimitNOFILE=). Raise the limit and run it again.", path, exception),
        _ => new(ErrorCode.InputOutput, $"Cannot {doing} '{path}': {exception.Message}", path, exception),
    };

    /// <summary>Where it is something in the path that access is denied to.</summary>
    private static string At(Exception exception, string path) =>
        exception.Message.Contains('\'', StringComparison.Ordinal) && !exception.Message.Contains($"'{path}'", StringComparison.Ordinal) ? $" ({exception.Message.TrimEnd('.')})" : "";

    private static bool IsDiskFull(IOException exception) =>
        exception.HResult is UnixNoSpace or UnixQuota or WindowsDiskFull or WindowsHandleDiskFull;
}
