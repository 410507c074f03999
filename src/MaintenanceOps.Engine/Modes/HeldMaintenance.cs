using System.Runtime.InteropServices;

namespace MaintenanceOps.Engine.Modes;

/// <summary>
/// A lease that is renewed until it is disposed of: work that takes longer than was thought does not find the door open. Where
/// the lease ended all the same, as while the machine was suspended, the door is closed again. A process that is told to end,
/// by a service manager or because its terminal is gone, ends the lease first.
/// </summary>
public sealed class HeldMaintenance : IDisposable
{
    /// <summary>Two renewals may fail before the lease ends.</summary>
    private const int RenewalsALease = 3;

    private readonly MaintenanceWindow window;
    private readonly TimeSpan duration;
    private readonly Timer renewal;
    private readonly PosixSignalRegistration[] signals;
    private readonly CancellationTokenSource ending = new();
    private readonly Lock entering = new();
    private readonly Lock changing = new();
    private MaintenanceLease? lease;

    private HeldMaintenance(MaintenanceWindow window, TimeSpan duration)
    {
        this.window = window;
        this.duration = duration;
        renewal = new Timer(_ => Renew());
        AppDomain.CurrentDomain.ProcessExit += EndBeforeTheProcess;
        signals = [.. new[] { PosixSignal.SIGTERM, PosixSignal.SIGHUP }.Select(s => PosixSignalRegistration.Create(s, _ => EndBeforeTheProcess(null, EventArgs.Empty)))];
    }

    /// <summary>Takes a lease and keeps it.</summary>
    /// <exception cref="MaintenanceException">As <see cref="MaintenanceWindow.Enter(TimeSpan, string, CancellationToken)"/>.</exception>
    public static HeldMaintenance Enter(MaintenanceWindow window, TimeSpan duration, string reason = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(window);
        var held = new HeldMaintenance(window, duration);
        try
        {
            held.Take(reason, cancellation);
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    /// <summary>Ends the lease.</summary>
    /// <exception cref="MaintenanceException">The flag cannot be changed; the lease then ends by itself.</exception>
    public void Dispose()
    {
        renewal.Dispose();
        try
        {
            End();
        }
        finally
        {
            // Only now: a signal in the middle of it waits until the lease is ended.
            AppDomain.CurrentDomain.ProcessExit -= EndBeforeTheProcess;
            Array.ForEach(signals, s => s.Dispose());
            ending.Dispose();
        }
    }

    private void Take(string reason, CancellationToken cancellation)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellation, ending.Token);
        lock (entering)
        {
            try
            {
                window.Enter(duration, reason, Keep, either.Token);
            }
            catch
            {
                // It was left where it was entered.
                lock (changing)
                {
                    lease = null;
                }

                throw;
            }
        }
    }

    private void Keep(MaintenanceLease taken)
    {
        lock (changing)
        {
            lease = taken;
        }

        var interval = duration / RenewalsALease;
        renewal.Change(interval, interval);
    }

    private void End()
    {
        // A renewal that goes on is waited for: it may be taking the lease that is to be ended.
        lock (changing)
        {
            if (lease is { } held)
            {
                lease = null;
                window.Leave(held.Id);
            }
        }
    }

    private void EndBeforeTheProcess(object? sender, EventArgs e)
    {
        try
        {
            ending.Cancel();

            // What was being entered is left where it is entered.
            lock (entering)
            {
                End();
            }
        }
        catch (ObjectDisposedException)
        {
            // The work has just ended, and its lease with it.
        }
        catch (MaintenanceException problem)
        {
            window.Warn($"The lease was not ended, and ends by itself: {problem.Message}");
        }
    }

    private void Renew()
    {
        // A renewal that takes long, behind a slow announcement, is not overtaken by the next one.
        if (!changing.TryEnter())
        {
            return;
        }

        try
        {
            if (lease is not null)
            {
                Renew(lease);
            }
        }
#pragma warning disable CA1031 // Nobody is above a timer: what went out of it would end the process, and the work with it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            // The disk may be full: the next renewal tries again, and what is left of the lease counts.
            window.Warn($"The lease was not renewed: {e.Message}");
        }
        finally
        {
            changing.Exit();
        }
    }

    private void Renew(MaintenanceLease held)
    {
        try
        {
            lease = window.Extend(duration, held.Id).Leases.Last(l => l.Id == held.Id);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ItemNotFound)
        {
            lease = window.Retake(held, duration);
            window.Warn(lease is null
                ? "Somebody ended the lease while the work went on; the application is as they left it."
                : "The lease had ended while the work went on, so the application was open for a while. It is closed again.");
        }
    }
}
