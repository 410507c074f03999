using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>One file of a listing as a stream from its first byte to its last, without ever lying on a disk.</summary>
internal static class EntryContent
{
    private const int WindowSize = 16 * 1024 * 1024;

    /// <summary>Writes the file's bytes in order. Some of its blocks at a time are read, on several threads, and then written.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public static void CopyTo(Repository repository, string snapshot, FileEntry entry, Stream output, CancellationToken cancellation)
    {
        var window = new byte[WindowSize];
        for (var next = 0; next < entry.Extents.Length;)
        {
            var (offsets, ids, length) = (new List<int>(), new List<BlockId>(), 0);
            for (; next < entry.Extents.Length && length + entry.Extents[next].Length <= window.Length; next++)
            {
                var extent = entry.Extents[next];
                if (extent.IsHole)
                {
                    window.AsSpan(length, (int)extent.Length).Clear();
                }
                else
                {
                    offsets.Add(length);
                    ids.Add(extent.Block);
                }

                length += (int)extent.Length;
            }

            if (length == 0)
            {
                throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"'{PathCodec.Display(entry.Path)}' has a part of {entry.Extents[next].Length} bytes, which no block has.", snapshot);
            }

            Fill(repository, snapshot, window, offsets, ids, cancellation);
            output.Write(window, 0, length);
        }
    }

    private static void Fill(Repository repository, string snapshot, byte[] window, List<int> offsets, List<BlockId> ids, CancellationToken cancellation)
    {
        var placement = Placement.Of(repository.Index, ids);
        placement.RequireComplete(snapshot, repository.Location);
        new BlockReader(repository).Read(
            placement.Ordinals,
            (int ordinal, in BlockDigest _, ReadOnlySpan<byte> block) =>
            {
                foreach (var place in placement.PlacesOf(ordinal))
                {
                    block.CopyTo(window.AsSpan(offsets[place]));
                }
            },
            cancellation);
    }
}
