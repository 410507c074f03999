using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Looks whether packs are in the store with the length that their footers tell.</summary>
internal sealed class PackPresence(Repository repository)
{
    private readonly Dictionary<string, long> sizes = repository.Store.List("packs/").ToDictionary(o => o.Name, o => o.Size);

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public void Require(Placement placement, string snapshot)
    {
        foreach (var pack in placement.Ordinals.Select(o => repository.Index.Locate(o).Pack).Distinct())
        {
            var name = Pack.ObjectName(pack.PackId);
            var end = pack.Frames.Length == 0 ? 0 : pack.Frames[^1].Offset + pack.Frames[^1].StoredLength;
            if (!sizes.TryGetValue(name, out var size) || size < end + Pack.TrailerSize)
            {
                throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"'{name}', which snapshot {snapshot[..8]} needs, is missing or cut short.", name);
            }
        }
    }
}
