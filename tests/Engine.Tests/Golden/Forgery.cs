using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Tests.Golden;

/// <summary>Makes what no backup makes.</summary>
internal static class Forgery
{
    /// <summary>A snapshot as a hostile writer of the store could make it.</summary>
    public static Snapshot Commit(Repository repository, params FileEntry[] entries)
    {
        var listing = new ByteWriter();
        foreach (var entry in entries)
        {
            entry.Write(listing);
        }

        var digest = BlockDigest.Of(listing.Written);
        var id = BlockId.Of(digest);
        using var builder = new PackBuilder(repository.Key);
        builder.Add(CompressionKind.Stored, listing.Written, listing.Length, [id], [listing.Length]);
        var (pack, bytes) = builder.Finish();
        repository.Store.Create(Pack.ObjectName(pack), bytes.Span);
        var manifest = new Manifest
        {
            Source = "forged",
            Kind = SnapshotKind.Files,
            Created = DateTimeOffset.UnixEpoch,
            ContentHash = ContentHash.Of([digest]),
            Map = repository.StoreMap(Listing.WriteMap([(id, listing.Length)])).Id,
        };
        repository.ForgetIndex();
        return new SnapshotCatalog(repository).Find(repository.Commit(manifest));
    }
}
