namespace MaintenanceOps;

/// <summary>The one exception that leaves the engine: a stable code, what happened, where, and what to do.</summary>
public sealed class MaintenanceException : Exception
{
    /// <summary>Makes an exception with a code and a message.</summary>
    /// <param name="code">The stable code.</param>
    /// <param name="message">What happened and what to do, in one or two sentences.</param>
    /// <param name="target">What it happened to: a path, a location, a snapshot id.</param>
    /// <param name="innerException">The cause below, if there is one.</param>
    public MaintenanceException(ErrorCode code, string message, string? target = null, Exception? innerException = null)
        : base(message, innerException)
    {
        Code = code;
        Target = target;
    }

    /// <summary>The stable code, listed in <c>docs/errors.md</c>.</summary>
    public ErrorCode Code { get; }

    /// <summary>What the failure is about: a path, a location, a snapshot id; null where there is no single thing.</summary>
    public string? Target { get; }
}
