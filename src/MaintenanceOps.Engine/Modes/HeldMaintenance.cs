namespace MaintenanceOps.Engine.Modes;

/// <summary>A lease that is renewed until it is disposed of: work that takes longer than was thought does not find the door open.</summary>
public sealed class HeldMaintenance : IDisposable
{
    /// <summary>Two renewals may fail before the lease ends.</summary>
    private const int RenewalsALease = 3;

    private readonly MaintenanceWindow window;
    private readonly string id;
    private readonly Timer renewal;

    private HeldMaintenance(MaintenanceWindow window, string id, TimeSpan duration)
    {
        this.window = window;
        this.id = id;
        var interval = duration / RenewalsALease;
        renewal = new Timer(_ => Renew(duration), null, interval, interval);
    }

    /// <summary>Takes a lease and keeps it.</summary>
    /// <exception cref="MaintenanceException">As <see cref="MaintenanceWindow.Enter"/>.</exception>
    public static HeldMaintenance Enter(MaintenanceWindow window, TimeSpan duration, string reason = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(window);
        return new HeldMaintenance(window, window.Enter(duration, reason, cancellation).Lease.Id, duration);
    }

    /// <summary>Ends the lease.</summary>
    /// <exception cref="MaintenanceException">The flag cannot be changed; the lease then ends by itself.</exception>
    public void Dispose()
    {
        using (var done = new ManualResetEvent(false))
        {
            if (renewal.Dispose(done))
            {
                done.WaitOne();
            }
        }

        window.Leave(id);
    }

    private void Renew(TimeSpan duration)
    {
        try
        {
            window.Extend(duration, id);
        }
        catch (MaintenanceException e)
        {
            // Somebody ended it by hand, or the disk is full: the next renewal tries again, and what is left of the lease counts.
            window.Warn($"The lease was not renewed: {e.Message}");
        }
    }
}
