namespace MaintenanceOps.Commands.Snapshots;

/// <summary>What one Restore-Snapshot pipeline has gathered and done so far.</summary>
internal sealed class RestoreQueue
{
    private readonly Dictionary<(string Location, string Id), (SnapshotReference Reference, HashSet<string> Items)> entries = [];
    private readonly HashSet<string> targets = new(StringComparer.Ordinal);

    public IEnumerable<(string Location, SnapshotReference Reference, IReadOnlyCollection<string> Items)> Entries =>
        entries.Select(e => (e.Key.Location, e.Value.Reference, (IReadOnlyCollection<string>)e.Value.Items));

    public void Add(string location, SnapshotReference reference, IEnumerable<string> items)
    {
        if (!entries.TryGetValue((location, reference.Id), out var entry))
        {
            entries[(location, reference.Id)] = entry = (reference, new HashSet<string>(StringComparer.Ordinal));
        }

        entry.Items.UnionWith(items);
    }

    /// <summary>Whether nothing was restored to the target before in this pipeline.</summary>
    public bool IsFirst(string target) => targets.Add(target);
}
