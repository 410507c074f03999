namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>Calls back at each step of the progress.</summary>
internal sealed class CallbackSink(Action<string> progress) : IOperationSink
{
    /// <summary>Does something once, when an activity begins: what another process would do in that time.</summary>
    public static CallbackSink Once(string activity, Action act)
    {
        var done = 0;
        return new CallbackSink(text =>
        {
            if (text.StartsWith(activity, StringComparison.Ordinal) && Interlocked.Exchange(ref done, 1) == 0)
            {
                act();
            }
        });
    }

    public void Progress(string activity, long done, long total, string? unit = null) => progress(activity);

    public void Warn(string message)
    {
    }

    public void Inform(string message)
    {
    }
}
