using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>Writes blocks that the repository has already into new packs.</summary>
internal sealed class PackRewriter(Repository repository, CancellationToken cancellation = default) : IDisposable
{
    private readonly FrameBuffer frame = new();
    private PackBuilder pack = new(repository.Key);
    private long stored;

    /// <summary>Takes a block; may be called from several threads.</summary>
    public void Add(int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block)
    {
        lock (frame)
        {
            if (!frame.Fits(block.Length))
            {
                Flush();
            }

            frame.Add(BlockId.Of(digest), block);
        }
    }

    /// <summary>Stores what is left; returns the bytes of all new packs.</summary>
    public long Finish()
    {
        lock (frame)
        {
            Flush();
            StorePack();
            return stored;
        }
    }

    public void Dispose() => pack.Dispose();

    private void Flush()
    {
        if (frame.IsEmpty)
        {
            return;
        }

        var compression = frame.Compress(out var packed);
        pack.Add(compression, packed, frame.Length, frame.Ids, frame.Lengths);
        frame.Clear();
        if (pack.IsFull)
        {
            StorePack();
        }
    }

    private void StorePack()
    {
        if (pack.IsEmpty)
        {
            return;
        }

        using (pack)
        {
            var (id, bytes) = pack.Finish();
            repository.Store.Create(Pack.ObjectName(id), bytes.Span, cancellation);
            stored += bytes.Length;
        }

        pack = new PackBuilder(repository.Key);
    }
}
