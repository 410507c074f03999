namespace MaintenanceOps.Engine.Modes;

/// <summary>A lease that is renewed until it is disposed of: work that takes longer than was thought does not find the door open.</summary>
public sealed class HeldMaintenance : IDisposable
{
    /// <summary>Two renewals may fail before the lease ends.</summary>
    private const int RenewalsALease = 3;

    private readonly MaintenanceSwitch door;
    private readonly string id;
    private readonly Timer renewal;

    private HeldMaintenance(MaintenanceSwitch door, string id, TimeSpan duration)
    {
        this.door = door;
        this.id = id;
        var interval = duration / RenewalsALease;
        renewal = new Timer(_ => Renew(duration), null, interval, interval);
    }

    /// <summary>Takes a lease and keeps it.</summary>
    /// <exception cref="MaintenanceException">As <see cref="MaintenanceSwitch.Enter"/>.</exception>
    public static HeldMaintenance Enter(MaintenanceSwitch door, TimeSpan duration, string reason = "", CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(door);
        return new HeldMaintenance(door, door.Enter(duration, reason, cancellation).Lease.Id, duration);
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

        door.Leave(id);
    }

    private void Renew(TimeSpan duration)
    {
        try
        {
            door.Extend(duration, id);
        }
        catch (MaintenanceException)
        {
            // Somebody ended it by hand, or the disk is full: the next renewal tries again, and what is left of the lease counts.
        }
    }
}
