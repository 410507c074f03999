using System.Globalization;
using MaintenanceOps.Engine.Health;
using MaintenanceOps.Engine.Modes.Hooks;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Engine.Programs;

namespace MaintenanceOps.Engine.Modes;

/// <summary>
/// Maintenance mode with what belongs around it: people are told, alarms are silent, and who is inside may finish. A hook
/// that fails is a warning and holds nothing up, but what does not fall quiet opens the door again and is an error.
/// </summary>
/// <param name="door">The flag.</param>
/// <param name="hooks">What happens around it.</param>
/// <param name="sink">Hears what went wrong and holds nothing up.</param>
/// <param name="longest">How long a lease may be, where it is shorter than <see cref="MaintenanceSwitch.Longest"/>.</param>
public sealed class MaintenanceWindow(MaintenanceSwitch door, MaintenanceHooks hooks, IOperationSink sink, TimeSpan? longest = null)
{
    /// <summary>As a plan has it; without one, nothing happens around it.</summary>
    public MaintenanceWindow(MaintenanceSwitch door, MaintenancePlan? plan, IOperationSink sink)
        : this(door, plan?.Hooks ?? MaintenanceHooks.None, sink, plan?.MaxDuration)
    {
    }

    /// <summary>How long it stays closed at least where it did not become healthy: somebody has to look.</summary>
    private static readonly TimeSpan TimeForAPerson = TimeSpan.FromMinutes(30);

    private static readonly TimeSpan AnnouncePatience = TimeSpan.FromSeconds(30);

    /// <summary>How it stands now, as <see cref="MaintenanceSwitch.Get"/> tells.</summary>
    public MaintenanceMode Get(CancellationToken cancellation = default)
    {
        var wasClosed = door.IsFlagged;
        var mode = door.Get(cancellation);
        if (wasClosed && !mode.Enabled)
        {
            Announce("open", "", null, cancellation);
        }

        return mode;
    }

    /// <summary>Closes the application.</summary>
    /// <exception cref="MaintenanceException">As <see cref="MaintenanceSwitch.Enter"/>; <see cref="ErrorCode.NotHealthy"/>: it did not fall quiet, and is open as before.</exception>
    public (MaintenanceLease Lease, MaintenanceMode Mode) Enter(TimeSpan duration, string reason = "", CancellationToken cancellation = default) => Enter(duration, reason, _ => { }, cancellation);

    /// <summary>Closes the application, and tells the lease as soon as it is taken: who is inside may need longer than it lasts.</summary>
    internal (MaintenanceLease Lease, MaintenanceMode Mode) Enter(TimeSpan duration, string reason, Action<MaintenanceLease> taken, CancellationToken cancellation)
    {
        Require(duration);
        Announce("closing", reason, DateTimeOffset.UtcNow + duration, cancellation);
        return Close(
            duration,
            reason,
            lease =>
            {
                taken(lease);
                hooks.Drain?.Wait(sink, cancellation);
            },
            cancellation);
    }

    /// <summary>
    /// Closes again for work that goes on though its lease is over. Nobody is waited for: the work does not wait either. Where
    /// somebody opened the door on purpose, by ending the lease or by taking the flag away, that is respected.
    /// </summary>
    /// <param name="ended">The lease, with the time that it was to end at.</param>
    /// <param name="duration">How long the new one is.</param>
    /// <returns>The new lease; null where the door was opened on purpose.</returns>
    internal MaintenanceLease? Retake(MaintenanceLease ended, TimeSpan duration)
    {
        if (!IsExpired(ended))
        {
            return null;
        }

        var (lease, _) = Close(duration, ended.Reason, _ => { }, CancellationToken.None);
        Announce("closing", lease.Reason, lease.Until, CancellationToken.None);
        return lease;
    }

    /// <summary>By the history; where that knows nothing of the lease, by its time.</summary>
    private bool IsExpired(MaintenanceLease gone)
    {
        try
        {
            var events = door.History().Where(h => h.Lease.Id == gone.Id).ToList();
            return events.Count > 0 ? events.Exists(h => h.Action == MaintenanceModeAction.Expired) : gone.Until <= DateTimeOffset.UtcNow;
        }
        catch (MaintenanceException)
        {
            return gone.Until <= DateTimeOffset.UtcNow;
        }
    }

    /// <summary>Takes a lease with its silence. What fails afterwards ends both: a command that fails leaves nothing closed.</summary>
    private (MaintenanceLease Lease, MaintenanceMode Mode) Close(TimeSpan duration, string reason, Action<MaintenanceLease> settle, CancellationToken cancellation)
    {
        var (lease, mode) = door.Enter(duration, reason, cancellation);
        string? silence = null;
        try
        {
            silence = Silence(lease);
            var held = silence is null ? (lease, mode) : (lease with { Silence = silence }, door.Attach(lease.Id, silence, cancellation));
            settle(held.Item1);
            return held;
        }
        catch
        {
            Abandon(lease, silence);
            throw;
        }
    }

    private void Abandon(MaintenanceLease lease, string? silence)
    {
        var attached = false;
        Try("It stays closed until the lease ends by itself", () =>
        {
            attached = door.Get().Leases.Any(l => l.Id == lease.Id && l.Silence.Length > 0);
            Leave(lease.Id, CancellationToken.None);
        });
        if (silence is not null && !attached)
        {
            Try("The silence was not ended and ends by itself", () => Alertmanager.End(silence));
        }
    }

    /// <summary>Gives a lease, and its silence, so much time from now on.</summary>
    /// <exception cref="MaintenanceException">As <see cref="MaintenanceSwitch.Extend"/>.</exception>
    public MaintenanceMode Extend(TimeSpan duration, string? id = null, CancellationToken cancellation = default)
    {
        Require(duration);
        return Prolong(duration, id, cancellation);
    }

    private MaintenanceMode Prolong(TimeSpan duration, string? id, CancellationToken cancellation)
    {
        var mode = door.Extend(duration, id, cancellation);
        var lease = mode.Leases.Last(l => id is null || l.Id == id);
        string? silence = null;
        if (lease.Silence.Length > 0)
        {
            Try("The silence ends before the lease", () => silence = Alertmanager.Extend(lease.Silence, lease.Until));
        }

        return silence is not null && silence != lease.Silence ? door.Attach(lease.Id, silence, cancellation) : mode;
    }

    /// <summary>Ends a lease, or the one that was taken last; with the last one the application is open.</summary>
    public MaintenanceMode Leave(string? id = null, CancellationToken cancellation = default) => End(() => door.Leave(id, cancellation));

    /// <summary>Ends all leases.</summary>
    public MaintenanceMode LeaveAll(CancellationToken cancellation = default) => End(() => door.LeaveAll(cancellation));

    /// <summary>Ends a lease, or all, once checks are up. Until then the application stays closed, whatever time the lease has left.</summary>
    /// <param name="leave">Ends what is to be ended.</param>
    /// <param name="checks">What must be up.</param>
    /// <param name="limit">How long that may take.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.NotHealthy"/>: it is closed for half an hour at least.</exception>
    public MaintenanceMode LeaveWhenHealthy(Func<MaintenanceMode> leave, IReadOnlyList<HealthCheck> checks, TimeSpan limit, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(leave);
        var before = door.Get(cancellation);
        if (before.Leases.Count > 0 && before.Until - DateTimeOffset.UtcNow < limit + TimeForAPerson)
        {
            Prolong(limit + TimeForAPerson, before.Leases[^1].Id, cancellation);
        }

        var (up, results) = HealthWait.Run(checks, limit, TimeSpan.FromSeconds(1), strict: false, sink, cancellation);
        return up ? leave() : throw HealthWait.Failure(results, limit, strict: false);
    }

    internal void Warn(string message) => sink.Warn(message);

    private void Require(TimeSpan duration)
    {
        MaintenanceSwitch.Check(duration);
        if (duration > longest)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"The plan allows maintenance for {Duration.Format(longest.Value)} at most (maxDuration), and not for {Duration.Format(duration)}.");
        }
    }

    private MaintenanceMode End(Func<MaintenanceMode> leave)
    {
        var before = door.Get();
        var after = leave();
        foreach (var silence in before.Leases.Where(l => l.Silence.Length > 0 && !after.Leases.Any(a => a.Id == l.Id)).Select(l => l.Silence))
        {
            Try("The silence was not ended and ends by itself", () => Alertmanager.End(silence));
        }

        if (before.Enabled && !after.Enabled)
        {
            Announce("open", before.Reason, null, CancellationToken.None);
        }

        return after;
    }

    private string? Silence(MaintenanceLease lease)
    {
        string? silence = null;
        if (hooks.Alertmanager is { } alertmanager)
        {
            Try("Alarms are not silent", () => silence = alertmanager.Silence(lease));
        }

        return silence;
    }

    private void Announce(string state, string reason, DateTimeOffset? until, CancellationToken cancellation)
    {
        if (hooks.Announce is not { } program)
        {
            return;
        }

        var environment = new Dictionary<string, string>
        {
            ["MAINTENANCE_STATE"] = state,
            ["MAINTENANCE_REASON"] = reason,
            ["MAINTENANCE_UNTIL"] = until?.ToString("yyyy-MM-ddTHH:mm:ssZ", CultureInfo.InvariantCulture) ?? "",
        };
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(AnnouncePatience);
        Try("It was not announced", () =>
        {
            var run = ProgramRun.Run(program, environment, limit.Token).GetAwaiter().GetResult();
            if (run.ExitCode != 0)
            {
                throw new MaintenanceException(ErrorCode.Unexpected, $"exit code {run.ExitCode}{(run.LastWords.Length > 0 ? $": {Expectation.Shorten(run.LastWords)}" : ".")}");
            }
        });
        cancellation.ThrowIfCancellationRequested();
    }

    private void Try(string failed, Action act)
    {
        try
        {
            act();
        }
        catch (MaintenanceException e)
        {
            sink.Warn($"{failed}: {e.Message}");
        }
        catch (OperationCanceledException)
        {
            sink.Warn($"{failed}: it did not end within {Duration.Format(AnnouncePatience)}.");
        }
    }
}
