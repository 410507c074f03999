using System.Diagnostics;
using MaintenanceOps.Engine.Databases.Postgres.Wal;
using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// Copies snapshots into another repository, with another passphrase or none. Blocks that the destination has are not
/// read; every block that is, is compared with its hash on the way.
/// </summary>
public sealed class SnapshotCopy(Repository from, Repository to, IOperationSink sink)
{
    /// <summary>Copies one snapshot. One that is there already, unchanged, is not copied again.</summary>
    /// <param name="snapshot">A snapshot of the repository to copy from.</param>
    /// <param name="cancellation">Ends the copy.</param>
    /// <returns>The snapshot in the destination.</returns>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>, or a store fails.</exception>
    public Snapshot Run(Snapshot snapshot, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        var watch = Stopwatch.StartNew();
        using var reading = from.ShareForReading($"copy of {snapshot.Source}", cancellation);
        using var writing = to.Share($"copy of {snapshot.Source}", cancellation);
        var manifest = from.ReadManifest(snapshot.Id);
        var catalog = new SnapshotCatalog(to);
        var existing = Existing(manifest);
        var stored = CopyBlocks(snapshot, manifest, cancellation);
        if (manifest.Postgres is { Base: { } begin } facts)
        {
            // A base backup without the log since is one moment; each copy brings what has been archived meanwhile.
            stored += new WalArchive(from).CopyTo(to, facts.System, begin.StartSegment, cancellation);
        }

        var content = WriteMap(from, manifest);
        if (existing is not null && HoldsMap(existing, content))
        {
            // It is there already; what had been lost of it is there again.
            var there = to.ReadManifest(existing);
            to.Commits.RequireAll(there, cancellation);
            return catalog.Describe(existing, there);
        }

        var (map, mapStored) = to.StoreMap(content);
        writing.Assert();
        var copied = manifest with
        {
            Map = map,
            Parent = "",
            StoredSize = stored + mapStored,
            ElapsedSeconds = watch.Elapsed.TotalSeconds,
            WritePauseSeconds = 0,
        };
        return catalog.Describe(to.Commit(copied, cancellation), copied);
    }

    /// <summary>Whether a snapshot of the destination has this map, as it is written here: whole.</summary>
    private bool HoldsMap(string existing, byte[] content)
    {
        try
        {
            var manifest = to.ReadManifest(existing);
            return content.AsSpan().SequenceEqual(WriteMap(to, manifest));
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return false;
        }
    }

    /// <summary>The same state of the same source, recognised by the moment, the content and the manifest's own nonce.</summary>
    private string? Existing(Manifest manifest) => to.ManifestIds().FirstOrDefault(id =>
    {
        try
        {
            var other = to.ReadManifest(id);
            return other.Nonce == manifest.Nonce && other.ContentHash == manifest.ContentHash;
        }
        catch (MaintenanceException e) when (e.Code is ErrorCode.SnapshotDamaged or ErrorCode.SnapshotNotFound)
        {
            return false;
        }
    });

    private long CopyBlocks(Snapshot snapshot, Manifest manifest, CancellationToken cancellation)
    {
        var all = SnapshotBlocks.Of(from, snapshot.Id, manifest, cancellation);
        var placement = Placement.Of(from.Index, [.. all.Where(b => to.Index.FindSound(b) < 0)]);
        placement.RequireComplete(snapshot.Id, from.Location);
        using var writer = new BlockWriter(to, cancellation);
        var batch = writer.Rent();
        long done = 0;
        new BlockReader(from).Read(
            placement.Ordinals,
            (int _, in BlockDigest _, ReadOnlySpan<byte> block) =>
            {
                lock (placement)
                {
                    if (block.Length > batch.Free.Length)
                    {
                        writer.Submit(batch);
                        batch = writer.Rent();
                    }

                    block.CopyTo(batch.Free);
                    batch.Add(block.Length);
                    done += block.Length;
                }

                sink.Progress($"Copying {snapshot.Source}", done, -1);
            },
            cancellation);
        writer.Submit(batch);
        writer.Complete();
        return writer.StoredSize;
    }

    /// <summary>The map for the destination: always a whole one, for its base may not be there.</summary>
    private static byte[] WriteMap(Repository repository, Manifest manifest) => manifest.Kind.HasListing()
        ? Listing.WriteMap(repository.ReadListingMap(manifest.Map))
        : repository.ReadMap(manifest.Map).Write(null, null);
}
