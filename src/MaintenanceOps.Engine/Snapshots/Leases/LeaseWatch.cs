using System.Diagnostics;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Leases;

/// <summary>Looks at other holders' leases over time and tells the living from the dead.</summary>
internal sealed class LeaseWatch(IObjectStore store)
{
    private readonly Dictionary<string, (LeaseContent? Content, Stopwatch Unchanged)> seen = [];

    /// <summary>The first lease that cannot be called dead yet. Dead ones that are met on the way are removed.</summary>
    public LeaseContent? FirstLive(string prefix)
    {
        foreach (var stored in store.List(prefix).ToList())
        {
            if (Look(stored.Name) is { } live)
            {
                return live;
            }
        }

        return null;
    }

    /// <summary>Returns once no lease with the prefix is left; refuses as soon as one of them shows life.</summary>
    public void WaitForDead(string prefix, CancellationToken cancellation)
    {
        while (FirstLive(prefix) is { } suspect)
        {
            // Somebody on this machine who lives, or who has just renewed, is not going to be dead soon.
            if ((ProcessIdentity.Place.Length > 0 && suspect.Place == ProcessIdentity.Place) || HasMoved(suspect))
            {
                throw Lease.Locked(store, suspect);
            }

            cancellation.WaitHandle.WaitOne(TimeSpan.FromMilliseconds(500));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    private bool HasMoved(LeaseContent suspect) =>
        seen.Values.Any(s => s.Content?.Token == suspect.Token && s.Content.Beat != firstBeats.GetValueOrDefault(suspect.Token, s.Content.Beat));

    private readonly Dictionary<string, long> firstBeats = [];

    private LeaseContent? Look(string name)
    {
        var content = Lease.Parse(store.Read(name));
        if (!seen.TryGetValue(name, out var before) || before.Content != content)
        {
            before = (content, Stopwatch.StartNew());
            seen[name] = before;
        }

        if (content is not null)
        {
            firstBeats.TryAdd(content.Token, content.Beat);
        }

        // A lease that cannot be read is watched like any other: it may be in the middle of being written.
        var limit = TimeSpan.FromSeconds(content?.DurationSeconds is > 0 and <= 3600 and var d ? d : Lease.DefaultDuration.TotalSeconds);
        if ((content is not null && ProcessIdentity.IsGone(content)) || before.Unchanged.Elapsed > limit)
        {
            store.Delete(name);
            return null;
        }

        return content ?? new LeaseContent { Purpose = "an unreadable lease", Host = "?", Token = name };
    }
}
