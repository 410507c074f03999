using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Leases;

/// <summary>
/// A claim on a repository that ends by itself. Any number of shared leases (backups, restores, checks) live side by
/// side; the exclusive one (prune) lives alone. A holder renews its lease; one that stands still for its duration, by
/// the clock of who looks at it, is dead, and one whose process is known to be gone is dead at once. Wall clocks are
/// never compared, so a wrong one does no harm.
/// </summary>
internal sealed class Lease : IDisposable
{
    private const string Folder = "leases/";
    private const string SharedPrefix = Folder + "shared-";
    private const string ExclusivePrefix = Folder + "exclusive-";
    private const int ReleaseAttempts = 3;
    private readonly IObjectStore store;
    private readonly string name;
    private readonly TimeSpan duration;
    private readonly Stopwatch sinceRenewal = Stopwatch.StartNew();
    private readonly Timer timer;
    private LeaseContent content;
    private IDisposable? kernelLock;
    private bool released;

    private Lease(IObjectStore store, string name, LeaseContent content)
    {
        this.store = store;
        this.name = name;
        this.content = content;
        duration = TimeSpan.FromSeconds(content.DurationSeconds);
        timer = new Timer(_ => Renew(), null, duration / 4, duration / 4);
    }

    /// <summary>How long a lease lives without a renewal.</summary>
    public static TimeSpan DefaultDuration { get; } = TimeSpan.FromSeconds(60);

    /// <summary>Whether the kernel vouches that nobody else works in the store, here or in another container of this machine.</summary>
    public bool IsAlone { get; private set; }

    /// <summary>
    /// Takes a shared lease. While the exclusive one is held this waits, at most as long as <paramref name="wait"/>.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.RepositoryLocked"/>: the wait was in vain.</exception>
    public static Lease Share(IObjectStore store, string purpose, TimeSpan wait, CancellationToken cancellation, TimeSpan? duration = null)
    {
        var content = Describe(purpose, duration);
        var name = SharedPrefix + content.Token;
        store.Create(name, Serialize(content));
        var lease = new Lease(store, name, content);
        try
        {
            // Written first, looked second: of a prune and a backup that begin together, at least one sees the other.
            var watch = new LeaseWatch(store);
            var waited = Stopwatch.StartNew();
            while (watch.FirstLive(ExclusivePrefix) is { } holder)
            {
                if (waited.Elapsed > wait)
                {
                    throw Locked(store, holder);
                }

                cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(200));
                cancellation.ThrowIfCancellationRequested();
            }

            // A prune whose lease is dead may still hold it, asleep. It is not waited for: the lock only tells a prune whether
            // it may hurry.
            lease.kernelLock = store.TryLock(alone: false);
            return lease;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Takes the exclusive lease. Living leases of others refuse it; dead ones are cleared away, after they were watched
    /// for their duration where nothing else tells that they are dead.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.RepositoryLocked"/>: somebody works in the repository.</exception>
    public static Lease Exclude(IObjectStore store, string purpose, CancellationToken cancellation, TimeSpan? duration = null)
    {
        var watch = new LeaseWatch(store);
        watch.WaitForDead(ExclusivePrefix, cancellation);

        // The number is the fence: who creates the next one is the holder, and a holder whose object is gone has lost.
        var next = 1 + store.List(ExclusivePrefix).Select(o => NumberOf(o.Name)).DefaultIfEmpty(0).Max();
        var content = Describe(purpose, duration);
        var name = string.Create(CultureInfo.InvariantCulture, $"{ExclusivePrefix}{next:d10}");
        if (!store.Create(name, Serialize(content)) || Parse(store.Read(name))?.Token != content.Token)
        {
            throw new MaintenanceException(ErrorCode.RepositoryLocked, $"Another prune of {store.Location} has just begun.", store.Location);
        }

        var lease = new Lease(store, name, content);
        try
        {
            foreach (var older in store.List(ExclusivePrefix).Where(o => o.Name != name).ToList())
            {
                if (NumberOf(older.Name) > next)
                {
                    throw new MaintenanceException(ErrorCode.RepositoryLocked, $"Another prune of {store.Location} has just begun.", store.Location);
                }

                store.Delete(older.Name);
            }

            watch.WaitForDead(SharedPrefix, cancellation);
            lease.kernelLock = store.TryLock(alone: true);
            lease.IsAlone = lease.kernelLock is not null;
            return lease;
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    }

    /// <summary>Throws where the lease has ended: it was not renewed in time, or somebody took over.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.LeaseLost"/>.</exception>
    public void Assert()
    {
        if (sinceRenewal.Elapsed > duration * 0.75 || Parse(store.Read(name))?.Token != content.Token)
        {
            throw new MaintenanceException(
                ErrorCode.LeaseLost,
                $"The lease for the {content.Purpose} in {store.Location} ended before the work did, as when a machine sleeps. Nothing was harmed; run it again.",
                store.Location);
        }
    }

    public void Dispose()
    {
        timer.Dispose();
        lock (timer)
        {
            if (released)
            {
                return;
            }

            released = true;
            kernelLock?.Dispose();
            for (var attempt = 0; attempt < ReleaseAttempts; attempt++)
            {
                try
                {
                    store.Delete(name);
                    return;
                }
                catch (MaintenanceException)
                {
                    // Once more; in the end it ends by itself, after its duration.
                }
                catch (OperationCanceledException)
                {
                    // The time to tidy up is over.
                    return;
                }
            }
        }
    }

    private void Renew()
    {
        lock (timer)
        {
            if (released)
            {
                return;
            }

            try
            {
                // Never bring back to life what somebody declared dead and removed.
                if (Parse(store.Read(name))?.Token == content.Token)
                {
                    content = content with { Beat = content.Beat + 1 };
                    store.Replace(name, Serialize(content));
                    sinceRenewal.Restart();
                }
            }
            catch (Exception e) when (e is MaintenanceException or OperationCanceledException)
            {
                // The next turn tries again; Assert tells when it was too late.
            }
        }
    }

    private static LeaseContent Describe(string purpose, TimeSpan? duration) => new()
    {
        Token = Guid.NewGuid().ToString("N"),
        Purpose = purpose,
        Place = ProcessIdentity.Place,
        Host = Environment.MachineName,
        ProcessId = Environment.ProcessId,
        ProcessStarted = ProcessIdentity.Started,
        DurationSeconds = (duration ?? DefaultDuration).TotalSeconds,
    };

    private static long NumberOf(string name) =>
        long.TryParse(name.AsSpan(ExclusivePrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    internal static byte[] Serialize(LeaseContent content) => JsonSerializer.SerializeToUtf8Bytes(content, FormatJson.Default.LeaseContent);

    internal static LeaseContent? Parse(byte[]? bytes)
    {
        try
        {
            return bytes is null ? null : JsonSerializer.Deserialize(bytes, FormatJson.Default.LeaseContent);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    internal static MaintenanceException Locked(IObjectStore store, LeaseContent holder) => new(
        ErrorCode.RepositoryLocked,
        $"{store.Location} is in use: {holder}. Try again when that is done; a lease whose holder died ends by itself.",
        store.Location);
}
