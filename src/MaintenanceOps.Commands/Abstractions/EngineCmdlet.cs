using System.Management.Automation;

namespace MaintenanceOps.Commands;

/// <summary>
/// A cmdlet whose work runs beside the pipeline thread, so that Ctrl+C is heard at once: it cancels the work, and the
/// cmdlet ends when the work has.
/// </summary>
public abstract class EngineCmdlet : PSCmdlet, IDisposable
{
    private static int activities;
    private readonly CancellationTokenSource stopping = new();
    private readonly int activityId = Interlocked.Increment(ref activities);

    /// <summary>Is cancelled when the command is stopped.</summary>
    private protected CancellationToken StopToken => stopping.Token;

    /// <summary>Whether <c>-WhatIf</c> or <c>$WhatIfPreference</c> holds, for where a plan is shown instead of a result.</summary>
    protected bool IsWhatIf => MyInvocation.BoundParameters.TryGetValue("WhatIf", out var given)
        ? LanguagePrimitives.IsTrue(given)
        : LanguagePrimitives.IsTrue(GetVariableValue("WhatIfPreference"));

    /// <inheritdoc/>
    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Frees what the cmdlet holds. PowerShell calls it at the end of the pipeline, however that came about.</summary>
    protected virtual void Dispose(bool disposing) => stopping.Dispose();

    /// <inheritdoc/>
    protected override void StopProcessing() => stopping.Cancel();

    /// <summary>Does work for one item; a failure becomes an error record, and the pipeline goes on.</summary>
    /// <returns>Whether the work was done.</returns>
    protected bool Run(object? target, Action<OperationOutput> work)
    {
        var failure = Carry(work);
        if (failure is not null)
        {
            WriteError(ErrorRecords.From(failure, target));
        }

        return failure is null;
    }

    /// <summary>Does work without which nothing can go on; a failure ends the pipeline.</summary>
    protected T Require<T>(object? target, Func<OperationOutput, T> work)
    {
        T result = default!;
        if (Carry(output => result = work(output)) is { } failure)
        {
            ThrowTerminatingError(ErrorRecords.From(failure, target));
        }

        return result;
    }

    /// <summary>
    /// Asks as <see cref="Cmdlet.ShouldProcess(string, string)"/> does, for an act whose impact depends on the parameters:
    /// PowerShell itself knows one impact a cmdlet. Such a cmdlet declares the highest.
    /// </summary>
    protected bool ShouldProcess(string target, string action, ConfirmImpact impact)
    {
        var asked = IsWhatIf
            || MyInvocation.BoundParameters.ContainsKey("Confirm")
            || !LanguagePrimitives.TryConvertTo(GetVariableValue("ConfirmPreference"), out ConfirmImpact preference)
            || (preference != ConfirmImpact.None && impact >= preference);
        return !asked || ShouldProcess(target, action);
    }

    /// <returns>The work's failure. What the pipeline itself throws goes through.</returns>
    private Exception? Carry(Action<OperationOutput> work)
    {
        using var output = new OperationOutput(activityId, stopping.Token);
        Exception? failure = null;
        var worker = new Thread(() => failure = Work(work, output)) { IsBackground = true, Name = MyInvocation.MyCommand.Name };
        worker.Start();
        try
        {
            foreach (var record in output.Records())
            {
                record(this);
            }
        }
        finally
        {
            // Writing throws when the pipeline ends, and the work must not outlive it.
            output.End();
            worker.Join();
            EndProgress(output);
        }

        return stopping.IsCancellationRequested ? throw new PipelineStoppedException() : failure;
    }

    private static Exception? Work(Action<OperationOutput> work, OperationOutput output)
    {
        try
        {
            work(output);
            return null;
        }
        catch (Exception e)
        {
            // Thrown here it would end the process; the pipeline thread turns it into an error record.
            return e;
        }
        finally
        {
            output.Complete();
        }
    }

    private void EndProgress(OperationOutput output)
    {
        try
        {
            if (output.Completion() is { } completion)
            {
                WriteProgress(completion);
            }
        }
        catch (PipelineStoppedException)
        {
            // A stopped pipeline takes its progress away by itself.
        }
    }
}
