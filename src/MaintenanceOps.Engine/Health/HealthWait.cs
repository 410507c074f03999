using System.Diagnostics;

namespace MaintenanceOps.Engine.Health;

/// <summary>Asks again and again until all checks are up. It keeps no history: so many looks in a row would tell nothing about the days.</summary>
public static class HealthWait
{
    private static readonly TimeSpan LeastAttempt = TimeSpan.FromSeconds(1);

    /// <summary>Waits.</summary>
    /// <param name="checks">What should be up.</param>
    /// <param name="limit">How long at most.</param>
    /// <param name="interval">How long between two rounds.</param>
    /// <param name="strict">Takes degraded as down.</param>
    /// <param name="sink">Hears what is still missing.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: no time between two rounds, or checks that cannot be asked.</exception>
    /// <returns>Whether all were up in time, and the last round.</returns>
    public static (bool Up, IReadOnlyList<HealthResult> Results) Run(
        IReadOnlyList<HealthCheck> checks, TimeSpan limit, TimeSpan interval, bool strict, IOperationSink sink, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(checks);
        ArgumentNullException.ThrowIfNull(sink);
        if (interval <= TimeSpan.Zero)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Between two rounds there must be some time, such as 1s.");
        }

        var clock = Stopwatch.StartNew();
        while (true)
        {
            // No attempt may last much longer than what is left; one that has hardly any time could not tell what is wrong.
            var rest = limit - clock.Elapsed;
            var left = rest > LeastAttempt ? rest : LeastAttempt;
            var round = checks.Select(c => c with { Retries = 0, Timeout = c.Limit < left ? c.Limit : left }).ToArray();
            var results = new HealthRun(round, null, null, sink).Run(_ => { }, cancellation);
            if (HealthJudgement.AreUp(results, strict))
            {
                return (true, results);
            }

            var missing = results.Where(r => !HealthJudgement.IsUp(r, strict)).ToArray();
            sink.Progress($"Waiting for {string.Join(", ", missing.Take(3).Select(r => r.Name))}{(missing.Length > 3 ? ", …" : "")}", results.Count - missing.Length, results.Count, "checks");
            rest = limit - clock.Elapsed;
            if (rest <= TimeSpan.Zero)
            {
                return (false, results);
            }

            cancellation.WaitHandle.WaitOne(LongTime.ForTimer(rest < interval ? rest : interval));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>The error for those who cannot go on without.</summary>
    public static MaintenanceException Failure(IReadOnlyList<HealthResult> results, TimeSpan limit, bool strict)
    {
        ArgumentNullException.ThrowIfNull(results);
        var missing = results.Where(r => !HealthJudgement.IsUp(r, strict)).Select(r => r.ToString()).ToArray();
        return new MaintenanceException(ErrorCode.NotHealthy, $"After {Duration.Format(limit)} this is not healthy: {string.Join("; ", missing)}.", missing.Length == 1 ? results.First(r => !HealthJudgement.IsUp(r, strict)).Name : null);
    }
}
