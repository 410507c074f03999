using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>
/// What running work says. It may be called from any thread; the records wait in a queue until the pipeline thread, the
/// only one that may write them, takes them out.
/// </summary>
public sealed class OperationOutput : IOperationSink, IDisposable
{
    private const int ProgressMilliseconds = 200;

    /// <summary>Bounded, so that a listing of a million files waits for the pipeline instead of filling the memory.</summary>
    private readonly BlockingCollection<Action<Cmdlet>> queue = new(1024);
    private readonly CancellationTokenSource ending;
    private readonly int activityId;
    private readonly Lock gate = new();
    private readonly Stopwatch sinceProgress = new();
    private string? lastActivity;

    internal OperationOutput(int activityId, CancellationToken stopping)
    {
        this.activityId = activityId;
        ending = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        Cancellation = ending.Token;
    }

    /// <summary>Ends the work: Ctrl+C, or a command further down that has enough.</summary>
    public CancellationToken Cancellation { get; }

    /// <summary>Writes an object to the pipeline.</summary>
    public void Write(object value) => queue.Add(cmdlet => cmdlet.WriteObject(value), Cancellation);

    /// <inheritdoc/>
    public void Progress(string activity, long done, long total, string? unit = null)
    {
        lock (gate)
        {
            if (sinceProgress.IsRunning && sinceProgress.ElapsedMilliseconds < ProgressMilliseconds)
            {
                return;
            }

            sinceProgress.Restart();
            lastActivity = activity;
        }

        var record = new ProgressRecord(activityId, activity, StatusOf(done, total, unit)) { PercentComplete = total > 0 ? (int)Math.Clamp(100.0 * done / total, 0, 100) : -1 };
        Say(cmdlet => cmdlet.WriteProgress(record));
    }

    /// <inheritdoc/>
    public void Warn(string message) => Say(cmdlet => cmdlet.WriteWarning(message));

    /// <inheritdoc/>
    public void Inform(string message) => Say(cmdlet => cmdlet.WriteVerbose(message));

    /// <inheritdoc/>
    public void Dispose()
    {
        ending.Dispose();
        queue.Dispose();
    }

    internal void End() => ending.Cancel();

    internal void Complete() => queue.CompleteAdding();

    /// <summary>Hands the records out until the work has ended.</summary>
    internal IEnumerable<Action<Cmdlet>> Records() => queue.GetConsumingEnumerable(CancellationToken.None);

    /// <summary>The record that takes the progress bar away; null where none was shown.</summary>
    internal ProgressRecord? Completion() => lastActivity is null
        ? null
        : new ProgressRecord(activityId, lastActivity, "Done") { RecordType = ProgressRecordType.Completed };

    private static string StatusOf(long done, long total, string? unit)
    {
        string Show(long value) => unit is null ? ByteSize.Format(value) : value.ToString(CultureInfo.InvariantCulture);
        var status = total > 0 ? $"{Show(done)} of {Show(total)}" : Show(done);
        return unit is null ? status : $"{status} {unit}";
    }

    /// <summary>A message is dropped when the pipeline ends: nobody is left to read it, and the work must not fail by it.</summary>
    private void Say(Action<Cmdlet> record)
    {
        try
        {
            queue.Add(record, Cancellation);
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException)
        {
            // InvalidOperationException: a thread of the engine that speaks after the work has ended.
        }
    }
}
