using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>
/// All snapshots of a repository, called out by everything that names one: the listing, the manifests' parents, the records of
/// checks, and what the last prune saw. The absence of a name in a listing alone never counts.
/// </summary>
internal sealed class SnapshotRoll(Repository repository)
{
    private readonly Tombstones tombstones = new(repository);

    /// <summary>The ids that exist.</summary>
    public HashSet<string> Ids { get; } = [];

    /// <summary>The ids that something names, whether they exist or not.</summary>
    public HashSet<string> Named { get; } = [];

    /// <summary>The ids that were removed on purpose.</summary>
    public HashSet<string> Removed { get; private set; } = [];

    /// <summary>The ids that something names, that are nowhere, and that nobody removed on purpose.</summary>
    public List<string> Missing { get; } = [];

    /// <summary>Calls the roll.</summary>
    public SnapshotRoll Call(CancellationToken cancellation)
    {
        Ids.UnionWith(repository.ManifestIds());

        // The tombstones after the manifests: a snapshot that was removed in between has one by now.
        Removed = tombstones.All(cancellation);
        Named.UnionWith(Tested(cancellation));
        Named.UnionWith(tombstones.Seen(cancellation));
        foreach (var id in Ids.ToList())
        {
            NameParentOf(id);
        }

        foreach (var id in Named.Except(Ids).Except(Removed).ToList())
        {
            Find(id, cancellation);
        }

        return this;
    }

    /// <summary>A listing may lag behind; reading by name does not.</summary>
    private void Find(string id, CancellationToken cancellation)
    {
        while (Repository.IsId(id) && !Ids.Contains(id) && !Removed.Contains(id))
        {
            if (repository.Store.Read(Manifest.ObjectName(id), cancellation) is not { } bytes || bytes.AsSpan().SequenceEqual(Manifest.Revoked))
            {
                Missing.Add(id);
                return;
            }

            Ids.Add(id);
            if (NameParentOf(id) is not { } parent)
            {
                return;
            }

            id = parent;
        }
    }

    /// <summary>The parent that a manifest names. Those of versions that did not count snapshots left no tombstones.</summary>
    private string? NameParentOf(string id)
    {
        try
        {
            var manifest = repository.ReadManifest(id);
            if (manifest.Number > 0 && Repository.IsId(manifest.Parent))
            {
                Named.Add(manifest.Parent);
                return manifest.Parent;
            }
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
        {
            // What needs it says so where its content is asked for.
        }

        return null;
    }

    private IEnumerable<string> Tested(CancellationToken cancellation) => repository.Store.List("tests/", cancellation)
        .Select(o => o.Name.Split('/')[1])
        .Where(Repository.IsId);
}
