namespace MaintenanceOps.Engine.Modes;

/// <summary>
/// A lease that is renewed until it is disposed of: work that takes longer than was thought does not find the door open. Where
/// the lease ended all the same, as while the machine was suspended, the door is closed again.
/// </summary>
public sealed class HeldMaintenance : IDisposable
{
    /// <summary>Two renewals may fail before the lease ends.</summary>
    private const int RenewalsALease = 3;

    private readonly MaintenanceWindow window;
    private readonly TimeSpan duration;
    private readonly string reason;
    private readonly Timer renewal;
    private readonly Lock renewing = new();
    private string? id;

    private HeldMaintenance(MaintenanceWindow window, string id, TimeSpan duration, string reason)
    {
        this.window = window;
        this.id = id;
        this.duration = duration;
        this.reason = reason;
        var interval = duration / RenewalsALease;
        renewal = new Timer(_ => Renew(), null, interval, interval);
    }

    /// <summary>Takes a lease and keeps it.</summary>
    /// <exception cref="MaintenanceException">As <see cref="MaintenanceWindow.Enter"/>.</exception>
    public static HeldMaintenance Enter(MaintenanceWindow window, TimeSpan duration, string reason = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(window);
        return new HeldMaintenance(window, window.Enter(duration, reason, cancellation).Lease.Id, duration, reason);
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

        if (id is not null)
        {
            window.Leave(id);
        }
    }

    private void Renew()
    {
        // A renewal that takes long, behind a slow announcement, is not overtaken by the next one.
        if (!renewing.TryEnter())
        {
            return;
        }

        try
        {
            if (id is not null)
            {
                window.Extend(duration, id);
            }
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.ItemNotFound)
        {
            Retake(id!);
        }
        catch (MaintenanceException e)
        {
            // The disk may be full: the next renewal tries again, and what is left of the lease counts.
            window.Warn($"The lease was not renewed: {e.Message}");
        }
        finally
        {
            renewing.Exit();
        }
    }

    private void Retake(string ended)
    {
        try
        {
            id = window.Retake(ended, duration, reason);
            window.Warn(id is null
                ? "Somebody ended the lease while the work went on; the application is as they left it."
                : "The lease had ended while the work went on, so the application was open for a while. It is closed again.");
        }
        catch (MaintenanceException e)
        {
            window.Warn($"The lease had ended while the work went on, and the application is not closed: {e.Message}");
        }
    }
}
