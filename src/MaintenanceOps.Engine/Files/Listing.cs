using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// The entries of a files snapshot. They are one stream of bytes that is cut, hashed and stored like any content, so a
/// tree with few changes stores few new bytes of listing; the map names its blocks.
/// </summary>
internal static class Listing
{
    /// <summary>The map's first byte; zero and one are a database's page maps.</summary>
    private const byte MapKind = 2;

    public static byte[] WriteMap(IReadOnlyList<(BlockId Id, int Length)> blocks)
    {
        var writer = new ByteWriter();
        writer.Byte(MapKind);
        writer.VarInt(blocks.Count);
        foreach (var (id, length) in blocks)
        {
            writer.VarInt(length);
            writer.Id(id);
        }

        return writer.Written.ToArray();
    }

    public static List<(BlockId Id, int Length)> ReadMap(ReadOnlySpan<byte> bytes)
    {
        var reader = new ByteReader(bytes);
        if (reader.Byte() != MapKind)
        {
            throw new InvalidDataException("It is no map of a listing.");
        }

        var blocks = new List<(BlockId, int)>();
        var total = 0;
        for (var count = reader.Count(BlockId.Size + 1); count > 0; count--)
        {
            var length = reader.Int32();
            total = checked(total + length);
            blocks.Add((reader.Id(), length));
        }

        return blocks;
    }

    /// <summary>The bytes of a snapshot's listing, checked against the manifest's hash.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public static byte[] Read(Repository repository, string id, Manifest manifest, CancellationToken cancellation)
    {
        var blocks = repository.ReadListingMap(manifest.Map);
        var offsets = new int[blocks.Count];
        var total = 0;
        for (var i = 0; i < blocks.Count; i++)
        {
            offsets[i] = total;
            total = checked(total + blocks[i].Length);
        }

        var placement = Placement.Of(repository.Index, blocks.ConvertAll(b => b.Id));
        placement.RequireComplete(id, repository.Location);
        var bytes = new byte[total];
        var digests = new BlockDigest[blocks.Count];
        new BlockReader(repository).Read(
            placement.Ordinals,
            (int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block) =>
            {
                foreach (var place in placement.PlacesOf(ordinal))
                {
                    if (block.Length != blocks[place].Length)
                    {
                        throw new InvalidDataException("A block has another length than its place.");
                    }

                    digests[place] = digest;
                    block.CopyTo(bytes.AsSpan(offsets[place]));
                }
            },
            cancellation);
        return ContentHash.Of(digests) == manifest.ContentHash
            ? bytes
            : throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"The listing of snapshot {id[..8]} does not have the hash that was recorded.", id);
    }

    /// <summary>Reads the entries one by one.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public static IEnumerable<FileEntry> Entries(byte[] listing)
    {
        for (var at = 0; at < listing.Length;)
        {
            yield return ReadEntry(listing, ref at);
        }
    }

    private static FileEntry ReadEntry(byte[] listing, ref int at)
    {
        try
        {
            var reader = new ByteReader(listing.AsSpan(at));
            var entry = FileEntry.Read(ref reader);
            at = listing.Length - reader.Remaining;
            return entry;
        }
        catch (Exception e) when (e is InvalidDataException or OverflowException)
        {
            throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"A listing cannot be read: {e.Message}", null, e);
        }
    }
}
