using System.Collections.Concurrent;

namespace MaintenanceOps.Commands.Modes;

/// <summary>
/// Hears a lease that outlives the operation that took it: a cmdlet can write only while one of its operations runs, so
/// what is said in between, by a renewal, waits for the next one.
/// </summary>
internal sealed class LeaseSink : IOperationSink
{
    private readonly ConcurrentQueue<Action<IOperationSink>> waiting = [];
    private volatile IOperationSink? listener;

    /// <summary>Does work whose operation hears what is said, and what has waited.</summary>
    public T Through<T>(IOperationSink output, Func<T> work)
    {
        listener = output;
        while (waiting.TryDequeue(out var say))
        {
            say(output);
        }

        try
        {
            return work();
        }
        finally
        {
            listener = null;
        }
    }

    /// <summary>How far something is, is of no interest later.</summary>
    public void Progress(string activity, long done, long total, string? unit = null) => listener?.Progress(activity, done, total, unit);

    public void Warn(string message) => Say(s => s.Warn(message));

    public void Inform(string message) => Say(s => s.Inform(message));

    private void Say(Action<IOperationSink> say)
    {
        if (listener is { } now)
        {
            say(now);
        }
        else
        {
            waiting.Enqueue(say);
        }
    }
}
