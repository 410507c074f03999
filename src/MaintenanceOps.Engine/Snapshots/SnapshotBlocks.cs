using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>All blocks that a snapshot needs: what prune keeps and what a check reads.</summary>
internal static class SnapshotBlocks
{
    /// <summary>A database's blocks are in page order; of files, first the listing's blocks and then the contents'.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>: map or listing cannot be read.</exception>
    public static IReadOnlyList<BlockId> Of(Repository repository, string id, Manifest manifest, CancellationToken cancellation)
    {
        if (!manifest.Kind.HasListing())
        {
            return repository.ReadMap(manifest.Map).Blocks;
        }

        var blocks = repository.ReadListingMap(manifest.Map).ConvertAll(b => b.Id);
        foreach (var entry in Listing.Entries(Listing.Read(repository, id, manifest, cancellation)))
        {
            blocks.AddRange(entry.Extents.Where(e => !e.IsHole).Select(e => e.Block));
        }

        return blocks;
    }
}
