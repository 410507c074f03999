using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// The blocks of one or many files in their order. As many as fit a window are read at a time, on several threads, so that
/// neighbours that share a frame are read together.
/// </summary>
internal sealed class BlockSequence(Repository repository, string snapshot, IEnumerable<Extent> extents, CancellationToken cancellation) : IDisposable
{
    private const int WindowSize = 16 * 1024 * 1024;
    private readonly IEnumerator<Extent> coming = extents.Where(e => !e.IsHole).GetEnumerator();
    private readonly byte[] window = new byte[WindowSize];
    private readonly Queue<(int Offset, int Length)> ready = new();
    private bool hasNext;
    private bool begun;

    /// <summary>The next block. It is good until the next call.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public ReadOnlySpan<byte> Next()
    {
        if (ready.Count == 0)
        {
            Fill();
        }

        var (offset, length) = ready.Dequeue();
        return window.AsSpan(offset, length);
    }

    public void Dispose() => coming.Dispose();

    private void Fill()
    {
        if (!begun)
        {
            (begun, hasNext) = (true, coming.MoveNext());
        }

        var (offsets, ids, length) = (new List<int>(), new List<BlockId>(), 0);
        while (hasNext && length + coming.Current.Length <= window.Length)
        {
            offsets.Add(length);
            ids.Add(coming.Current.Block);
            ready.Enqueue((length, (int)coming.Current.Length));
            length += (int)coming.Current.Length;
            hasNext = coming.MoveNext();
        }

        if (ids.Count == 0)
        {
            throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"Snapshot {snapshot[..8]} has a file with a part of {(hasNext ? coming.Current.Length : 0)} bytes, which no block has.", snapshot);
        }

        Read(offsets, ids);
    }

    private void Read(List<int> offsets, List<BlockId> ids)
    {
        var placement = Placement.Of(repository.Index, ids);
        placement.RequireComplete(snapshot, repository.Location);
        var lengths = ready.Select(r => r.Length).ToArray();
        var misfit = false;
        new BlockReader(repository).Read(
            placement.Ordinals,
            (int ordinal, in BlockDigest _, ReadOnlySpan<byte> block) =>
            {
                foreach (var place in placement.PlacesOf(ordinal))
                {
                    if (block.Length == lengths[place])
                    {
                        block.CopyTo(window.AsSpan(offsets[place]));
                    }
                    else
                    {
                        misfit = true;
                    }
                }
            },
            cancellation);
        if (misfit)
        {
            throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"Snapshot {snapshot[..8]} names a block with a length that it does not have.", snapshot);
        }
    }
}
