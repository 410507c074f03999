using System.Diagnostics;
using System.Globalization;
using MaintenanceOps.Engine.Health.History;

namespace MaintenanceOps.Engine.Health;

/// <summary>Asks all checks at once, each with its time-out and retries, and tells each result as it comes.</summary>
public sealed class HealthRun
{
    private static readonly TimeSpan FirstRetryDelay = TimeSpan.FromMilliseconds(200);

    /// <summary>A probe that does not heed its time-out, such as one that a dead network drive holds, is left behind after so long.</summary>
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(500);

    private const int MostThreads = 256;
    private const int SpareThreads = 8;

    private readonly IReadOnlyList<HealthCheck> checks;
    private readonly HealthLog? log;
    private readonly Func<bool> inMaintenance;
    private readonly IOperationSink sink;
    private readonly TimeProvider time;

    /// <param name="checks">What is asked; names are one of their kind.</param>
    /// <param name="historyFolder">Where streaks are kept; null keeps none.</param>
    /// <param name="inMaintenance">Whether the application is in maintenance mode; never where it is null.</param>
    /// <param name="sink">Hears that a history could not be kept.</param>
    /// <param name="time">The clock; the system's where it is null.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: a name stands twice, or checks wait for each other.</exception>
    public HealthRun(IReadOnlyList<HealthCheck> checks, string? historyFolder, Func<bool>? inMaintenance, IOperationSink sink, TimeProvider? time = null)
    {
        ArgumentNullException.ThrowIfNull(checks);
        CheckOrder.Require(checks);
        this.checks = checks;
        log = historyFolder is null ? null : new HealthLog(historyFolder);
        this.inMaintenance = inMaintenance ?? (() => false);
        this.sink = sink;
        this.time = time ?? TimeProvider.System;
    }

    /// <summary>Asks all of them once.</summary>
    /// <param name="write">Gets each result as it comes, one at a time.</param>
    /// <param name="cancellation">Ends all probes.</param>
    public IReadOnlyList<HealthResult> Run(Action<HealthResult> write, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(write);
        MakeRoom(checks.Count);
        var closed = IsClosed();
        var one = new Lock();
        var results = checks.ToDictionary(c => c.Name, _ => new TaskCompletionSource<HealthResult>(TaskCreationOptions.RunContinuationsAsynchronously), StringComparer.Ordinal);
        var running = checks.Select(check => Task.Run(
            async () =>
            {
                try
                {
                    var result = await Ask(check, results, closed, cancellation).ConfigureAwait(false);
                    lock (one)
                    {
                        write(result);
                    }

                    results[check.Name].SetResult(result);
                }
                catch (Exception e)
                {
                    // Whoever waits for this check must not wait for ever.
                    results[check.Name].SetException(e);
                    throw;
                }
            },
            CancellationToken.None)).ToArray();
        Task.WhenAll(running).GetAwaiter().GetResult();
        return [.. checks.Select(c => results[c.Name].Task.Result)];
    }

    /// <summary>A look-up of a name holds a thread of the pool until it ends, and time-outs must not wait behind it.</summary>
    private static void MakeRoom(int looks)
    {
        ThreadPool.GetMinThreads(out var workers, out var completions);
        if (workers < Math.Min(looks, MostThreads) + SpareThreads)
        {
            ThreadPool.SetMinThreads(Math.Min(looks, MostThreads) + SpareThreads, completions);
        }
    }

    /// <summary>A flag that cannot be read is no reason to look at nothing.</summary>
    private bool IsClosed()
    {
        try
        {
            return inMaintenance();
        }
        catch (MaintenanceException e)
        {
            sink.Warn($"Whether it is in maintenance cannot be told: {e.Message}");
            return false;
        }
    }

    private async Task<HealthResult> Ask(HealthCheck check, Dictionary<string, TaskCompletionSource<HealthResult>> results, bool closed, CancellationToken cancellation)
    {
        var (seen, latency, attempts) = await Blocker(check, results).ConfigureAwait(false) is { } blocker
            ? (new Observation { Status = HealthStatus.Unknown, Reason = $"Not looked at, because {blocker.Name} is {blocker.Status.ToString().ToLowerInvariant()}." }, TimeSpan.Zero, 0)
            : await Look(check, cancellation).ConfigureAwait(false);
        var result = new HealthResult
        {
            Name = check.Name,
            Kind = check.Probe.Kind,
            Target = check.Probe.Target,
            Status = seen.Status,
            Confirmed = seen.Status,
            Latency = latency,
            Reason = seen.Reason,
            At = time.GetUtcNow(),
            Since = time.GetUtcNow(),
            Attempts = attempts,
            InMaintenance = closed,
            Facts = seen.Facts,
        };
        return Remember(check, result, seen, cancellation);
    }

    private static async Task<HealthResult?> Blocker(HealthCheck check, Dictionary<string, TaskCompletionSource<HealthResult>> results)
    {
        foreach (var name in check.After)
        {
            var before = await results[name].Task.ConfigureAwait(false);
            if (before.Status is HealthStatus.Unhealthy or HealthStatus.Unknown)
            {
                return before;
            }
        }

        return null;
    }

    /// <summary>Looks until it is well or the attempts are used up.</summary>
    private async Task<(Observation Seen, TimeSpan Latency, int Attempts)> Look(HealthCheck check, CancellationToken cancellation)
    {
        var delay = FirstRetryDelay;
        for (var attempt = 1; ; attempt++)
        {
            var clock = Stopwatch.StartNew();
            var seen = await Attempt(check, cancellation).ConfigureAwait(false);
            var latency = clock.Elapsed;
            if (seen.Status is HealthStatus.Healthy or HealthStatus.Degraded || attempt > check.Retries)
            {
                return (Judge(seen, latency, check), latency, attempt);
            }

            await Task.Delay(delay, time, cancellation).ConfigureAwait(false);
            delay *= 2;
        }
    }

    private async Task<Observation> Attempt(HealthCheck check, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(check.Limit);

        // Reasons read the same wherever they are made; this ends with the method, and goes along to its threads.
        CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
        try
        {
            var context = new ProbeContext(() => Past(l => l.LastFigure(check.Key), null), () => Past(l => l.Figures(check.Key), []), check.Limit, limit.Token);
            return await check.Probe.Observe(context).WaitAsync(check.Limit + Grace, cancellation).ConfigureAwait(false);
        }
        catch (Exception e) when (e is OperationCanceledException or TimeoutException or MaintenanceException { Code: ErrorCode.Cancelled })
        {
            cancellation.ThrowIfCancellationRequested();
            return new Observation { Status = HealthStatus.Unhealthy, Reason = $"No answer within {Duration.Format(check.Limit)}." };
        }
        catch (MaintenanceException e)
        {
            cancellation.ThrowIfCancellationRequested();
            return new Observation { Status = HealthStatus.Unknown, Reason = e.Message };
        }
#pragma warning disable CA1031 // One probe's fault must not take the others' results away, and is never green.
        catch (Exception e)
#pragma warning restore CA1031
        {
            return new Observation { Status = HealthStatus.Unknown, Reason = $"It could not be looked at: {e.GetType().Name}: {e.Message}" };
        }
    }

    /// <summary>A history that cannot be read is as good as none; writing it will tell.</summary>
    private T Past<T>(Func<HealthLog, T> read, T none)
    {
        try
        {
            return log is null ? none : read(log);
        }
        catch (MaintenanceException)
        {
            return none;
        }
    }

    private static Observation Judge(Observation seen, TimeSpan latency, HealthCheck check) =>
        seen.Status == HealthStatus.Healthy && latency > check.DegradedAfter
            ? seen with { Status = HealthStatus.Degraded, Reason = $"It took {Duration.Format(latency)}, more than {Duration.Format(check.DegradedAfter!.Value)}." }
            : seen;

    private HealthResult Remember(HealthCheck check, HealthResult result, Observation seen, CancellationToken cancellation)
    {
        if (log is null)
        {
            return result;
        }

        try
        {
            return log.Add(check, result, seen, cancellation);
        }
        catch (MaintenanceException e)
        {
            sink.Warn($"The history of '{check.Name}' was not kept: {e.Message}");
            return result;
        }
    }
}
