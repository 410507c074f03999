using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>
/// Manifests that backups are about to name. What they need is kept; one whose owner does not come back is given up by taking its
/// name first, so that the owner, if it ever wakes up, finds it taken.
/// </summary>
internal sealed class PendingManifests(Repository repository)
{
    public IReadOnlyList<(string Id, DateTimeOffset Since)> List(CancellationToken cancellation) =>
        [.. repository.Store.List(Manifest.PendingPrefix, cancellation)
            .Select(o => (Id: o.Name[Manifest.PendingPrefix.Length..], o.Modified))
            .Where(p => Repository.IsId(p.Id))];

    /// <summary>The manifest; null where it is gone, or cannot be read and so says nothing.</summary>
    public Manifest? Read(string id, CancellationToken cancellation)
    {
        var name = Manifest.PendingName(id);
        try
        {
            return repository.Store.Read(name, cancellation) is { } bytes
                ? repository.Unseal(ObjectKind.Manifest, name, id, bytes, c => Manifest.FromBytes(c))
                : null;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return null;
        }
    }

    /// <summary>Gives a pending manifest up, unless it was named meanwhile.</summary>
    public void GiveUp(string id, CancellationToken cancellation)
    {
        repository.Store.Create(Manifest.ObjectName(id), Manifest.Revoked, cancellation);
        repository.Store.Delete(Manifest.PendingName(id), cancellation);
    }
}
