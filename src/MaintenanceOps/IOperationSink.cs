namespace MaintenanceOps;

/// <summary>
/// Where a running operation tells what it does. The module turns it into progress, verbose and warning records, the
/// runner into lines. Implementations must accept calls from any thread.
/// </summary>
public interface IOperationSink
{
    /// <summary>Tells how far the operation is.</summary>
    /// <param name="activity">What is done, such as <c>Backing up app/main</c>.</param>
    /// <param name="done">Units done.</param>
    /// <param name="total">Units in all; -1 when it is not known.</param>
    /// <param name="unit">What is counted, such as <c>pages</c>; bytes where it is null.</param>
    void Progress(string activity, long done, long total, string? unit = null);

    /// <summary>Something the operator should know; the operation goes on.</summary>
    void Warn(string message);

    /// <summary>Something worth knowing when one looks for it.</summary>
    void Inform(string message);
}

/// <summary>A sink that keeps nothing.</summary>
public sealed class SilentSink : IOperationSink
{
    /// <summary>The one instance.</summary>
    public static SilentSink Instance { get; } = new();

    private SilentSink()
    {
    }

    /// <inheritdoc/>
    public void Progress(string activity, long done, long total, string? unit = null)
    {
    }

    /// <inheritdoc/>
    public void Warn(string message)
    {
    }

    /// <inheritdoc/>
    public void Inform(string message)
    {
    }
}
