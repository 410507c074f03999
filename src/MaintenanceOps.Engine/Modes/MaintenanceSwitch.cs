using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Modes;

/// <summary>
/// Closes an application for as long as somebody holds a lease, and opens it when the last one has ended. A lease whose
/// time is over ends with the next look at it: nothing that dies in the middle leaves an application closed for good.
/// </summary>
public sealed class MaintenanceSwitch
{
    /// <summary>The longest lease: whoever closes an application for longer does not maintain it.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromDays(7);

    /// <summary>The shortest: less would be over before anybody saw it.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromSeconds(1);

    private readonly string path;
    private readonly MaintenanceFlag flag;
    private readonly IOperationSink sink;
    private readonly TimeProvider time;

    /// <param name="flagPath">The flag file; its folder exists.</param>
    /// <param name="sink">Hears that a history could not be written.</param>
    /// <param name="time">The clock; the system's where it is null.</param>
    public MaintenanceSwitch(string flagPath, IOperationSink sink, TimeProvider? time = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(flagPath);

        // A web server looks at what a link leads to, so that is the flag.
        path = Links.Target(Path.GetFullPath(flagPath));
        if (TreeAccess.Current.Facts(path) is { Kind: not EntryKind.File } facts)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{path}' is {(facts.Kind == EntryKind.Folder ? "a folder" : "no regular file")}. Give the path of the flag file.", path);
        }

        flag = new MaintenanceFlag(path);
        this.sink = sink;
        this.time = time ?? TimeProvider.System;
    }

    /// <summary>Whether the flag is there, whatever it says: so a web server sees it.</summary>
    public bool IsFlagged => File.Exists(path);

    /// <summary>How it stands now. Leases whose time is over are ended first; a flag that somebody made by hand has none and stays.</summary>
    /// <exception cref="MaintenanceException">The flag cannot be read, or not taken away for another reason than rights.</exception>
    public MaintenanceMode Get(CancellationToken cancellation = default)
    {
        var now = time.GetUtcNow();
        var leases = flag.Read();
        if (leases is null || leases.TrueForAll(l => l.Until > now))
        {
            return Describe(leases);
        }

        var events = new List<MaintenanceModeEvent>();
        try
        {
            return Change(all => End(all, l => l.Until <= now, MaintenanceModeAction.Expired, events), events, cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.AccessDenied)
        {
            // Whoever only watches need not be allowed to open the door; that it is still closed is what there is to see.
            sink.Warn($"A lease is over, and this user may not end it: {e.Message}");
            return Describe(leases);
        }
    }

    /// <summary>What happened, the oldest first.</summary>
    /// <exception cref="MaintenanceException">The history is there and cannot be read.</exception>
    public IReadOnlyList<MaintenanceModeEvent> History() => flag.History();

    /// <summary>Takes a lease. Where the application is closed already, it stays so until this one has ended too.</summary>
    /// <param name="duration">How long at most.</param>
    /// <param name="reason">Why, for whoever reads the page or the history.</param>
    /// <param name="cancellation">Ends the waiting for others that change it.</param>
    /// <returns>The lease, with the state that it is part of.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>, or the flag cannot be written.</exception>
    public (MaintenanceLease Lease, MaintenanceMode Mode) Enter(TimeSpan duration, string reason = "", CancellationToken cancellation = default)
    {
        Check(duration);
        var now = time.GetUtcNow();
        var lease = new MaintenanceLease
        {
            Id = Guid.NewGuid().ToString("N")[..12],
            Since = now,
            Until = now + duration,
            Reason = reason,
            By = $"{Environment.UserName}@{Environment.MachineName}",
        };
        return (lease, Change(leases => [.. leases, lease], [new() { At = now, Action = MaintenanceModeAction.Entered, Lease = lease }], cancellation));
    }

    /// <summary>Gives a lease so much time from now on; it may be less than was left.</summary>
    /// <param name="duration">How long from now on.</param>
    /// <param name="id">The lease; the one that was taken last where it is null.</param>
    /// <param name="cancellation">Ends the waiting for others that change it.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.ItemNotFound"/>: nobody holds it.</exception>
    public MaintenanceMode Extend(TimeSpan duration, string? id = null, CancellationToken cancellation = default)
    {
        Check(duration);
        var now = time.GetUtcNow();
        var events = new List<MaintenanceModeEvent>();
        return Change(
            leases =>
            {
                var at = id is null ? leases.Count - 1 : leases.FindIndex(l => l.Id == id);
                if (at < 0)
                {
                    throw new MaintenanceException(ErrorCode.ItemNotFound, $"There is no {(id is null ? "lease" : $"lease {id}")} at '{path}' to extend. It may have ended; take a new one.", path);
                }

                leases[at] = leases[at] with { Until = now + duration };
                events.Add(new() { At = now, Action = MaintenanceModeAction.Extended, Lease = leases[at] });
                return leases;
            },
            events,
            cancellation);
    }

    /// <summary>Notes which silence goes with a lease, so that whoever ends the one can end the other. A lease that is gone is no error.</summary>
    internal MaintenanceMode Attach(string id, string silence, CancellationToken cancellation) =>
        Change(leases => leases.ConvertAll(l => l.Id == id ? l with { Silence = silence } : l), [], cancellation);

    /// <summary>Ends a lease: the given one, or the one that was taken last. One that is gone already is a warning and no error.</summary>
    public MaintenanceMode Leave(string? id = null, CancellationToken cancellation = default)
    {
        var events = new List<MaintenanceModeEvent>();
        var mode = Change(
            leases =>
            {
                // A flag that the lease is not in, such as one that somebody made by hand meanwhile, is not ours to take away.
                var ending = id is null ? leases.LastOrDefault() : leases.Find(l => l.Id == id);
                return id is not null && ending is null ? null : End(leases, l => l == ending, MaintenanceModeAction.Left, events);
            },
            events,
            cancellation);
        if (id is not null && events.Count == 0)
        {
            sink.Warn($"There is no lease {id} at '{path}'{(mode.Leases.Count > 0 ? $", but {string.Join(", ", mode.Leases.Select(l => l.Id))}" : "")}. It may have ended.");
        }

        return mode;
    }

    /// <summary>Ends all leases.</summary>
    public MaintenanceMode LeaveAll(CancellationToken cancellation = default)
    {
        var events = new List<MaintenanceModeEvent>();
        return Change(leases => End(leases, _ => true, MaintenanceModeAction.Left, events), events, cancellation);
    }

    private List<MaintenanceLease> End(List<MaintenanceLease> leases, Predicate<MaintenanceLease> which, MaintenanceModeAction action, List<MaintenanceModeEvent> events)
    {
        var ending = leases.FindAll(which);
        events.AddRange(ending.Select(l => new MaintenanceModeEvent { At = time.GetUtcNow(), Action = action, Lease = l }));
        return [.. leases.Except(ending)];
    }

    /// <param name="change">Gives the leases as they are to be; null leaves the flag as it is.</param>
    /// <param name="events">What that means for the history, once it has been called.</param>
    /// <param name="cancellation">Ends the waiting for others that change it.</param>
    private MaintenanceMode Change(Func<List<MaintenanceLease>, List<MaintenanceLease>?> change, List<MaintenanceModeEvent> events, CancellationToken cancellation)
    {
        using var held = flag.Lock(cancellation);
        var before = flag.Read();
        if (change(before ?? []) is not { } leases)
        {
            return Describe(before);
        }

        flag.Write(leases);
        if (events.Count > 0 && flag.Record(events) is { } problem)
        {
            sink.Warn(problem);
        }

        return Describe(leases.Count > 0 ? leases : null);
    }

    private MaintenanceMode Describe(List<MaintenanceLease>? leases) => leases switch
    {
        null => new() { FlagPath = path },
        [] => new() { FlagPath = path, Enabled = true, Reason = "The flag was made by hand." },
        _ => new()
        {
            FlagPath = path,
            Enabled = true,
            Since = leases.Min(l => l.Since),
            Until = leases.Max(l => l.Until),
            Reason = leases[^1].Reason,
            By = leases[^1].By,
            Leases = leases,
        },
    };

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    internal static void Check(TimeSpan duration)
    {
        if (duration < Shortest || duration > Longest)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"Maintenance mode is for at least a second and at most {Longest.TotalDays:0} days, as in 30m or 2h.");
        }
    }
}
