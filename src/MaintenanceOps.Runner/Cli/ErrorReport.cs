using MaintenanceOps.Engine;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Cli;

/// <summary>Tells of failures on the error stream: one line for people, one object for programs.</summary>
internal sealed class ErrorReport(bool json)
{
    /// <summary>Writes the failure and says which exit code it deserves.</summary>
    public ExitCode Write(Exception failure)
    {
        var (code, target) = failure switch
        {
            MaintenanceException e => (e.Code, e.Target),
            OperationCanceledException => (ErrorCode.Cancelled, null),
            UnauthorizedAccessException => (ErrorCode.AccessDenied, null),
            IOException => (ErrorCode.InputOutput, null),
            _ => (ErrorCode.Unexpected, null),
        };
        var debugging = Environment.GetEnvironmentVariable("MAINTENANCEOPS_DEBUG") == "1";
        Write(code.ToString(), code == ErrorCode.Cancelled ? "Interrupted." : Words.ForConsole(failure.Message), target, debugging ? failure.ToString() : null);

        return code switch
        {
            ErrorCode.Cancelled => ExitCode.Interrupted,
            ErrorCode.InvalidArgument or ErrorCode.RetentionPolicyEmpty or ErrorCode.PlanInvalid => ExitCode.Usage,
            ErrorCode.VerificationFailed or ErrorCode.NotHealthy => ExitCode.Unhealthy,
            _ => ExitCode.Failed,
        };
    }

    public void Write(string code, string message, string? target, string? trace = null)
    {
        // The engine does not repeat passwords; words that others made may.
        (message, target, trace) = (SecretText.Hide(message), SecretText.IsLikely(target) ? null : target, trace is null ? null : SecretText.Hide(trace));
        Console.Error.WriteLine(json
            ? JsonLines.Write(new ErrorLine(new ErrorDetail(code, message, target) { Trace = trace }))
            : $"mops: {TextTable.Clean(message)} [{code}]");
        if (trace is not null && !json)
        {
            Console.Error.WriteLine(trace);
        }
    }

    public void Warn(string message)
    {
        message = SecretText.Hide(Words.ForConsole(message));
        Console.Error.WriteLine(json ? JsonLines.Write(new WarningLine(new WarningDetail(message))) : $"mops: warning: {TextTable.Clean(message)}");
    }
}
