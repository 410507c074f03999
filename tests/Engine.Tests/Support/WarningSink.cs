namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Keeps the warnings.</summary>
internal sealed class WarningSink : IOperationSink
{
    public List<string> Messages { get; } = [];

    public void Progress(string activity, long done, long total, string? unit = null)
    {
    }

    public void Warn(string message) => Messages.Add(message);

    public void Inform(string message)
    {
    }
}
