using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Engine.Files;

/// <summary>One file of a listing as a stream from its first byte to its last, without ever lying on a disk.</summary>
internal static class EntryContent
{
    private static readonly byte[] Zeros = new byte[64 * 1024];

    /// <summary>Writes the file's bytes in order, holes as zeros.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public static void CopyTo(Repository repository, string snapshot, FileEntry entry, Stream output, CancellationToken cancellation)
    {
        using var blocks = new BlockSequence(repository, snapshot, entry.Extents, cancellation);
        CopyTo(entry, blocks, output, withHoles: true, cancellation);
    }

    /// <summary>Writes the bytes of a file whose blocks come next in a sequence.</summary>
    public static void CopyTo(FileEntry entry, BlockSequence blocks, Stream output, bool withHoles, CancellationToken cancellation)
    {
        foreach (var extent in entry.Extents)
        {
            cancellation.ThrowIfCancellationRequested();
            if (!extent.IsHole)
            {
                output.Write(blocks.Next());
                continue;
            }

            for (var left = withHoles ? extent.Length : 0; left > 0; left -= Math.Min(left, Zeros.Length))
            {
                cancellation.ThrowIfCancellationRequested();
                output.Write(Zeros, 0, (int)Math.Min(left, Zeros.Length));
            }
        }
    }
}
