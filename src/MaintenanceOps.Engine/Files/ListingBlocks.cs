using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Cuts a listing into blocks while it is written and sends them on, so that it never lies in memory whole: a million
/// files make a hundred megabytes of it.
/// </summary>
internal sealed class ListingBlocks(BlockWriter blocks)
{
    private readonly ContentChunker chunker = ContentChunker.Listings;
    private readonly List<int> lengths = [];

    /// <summary>Filled in by the workers; guarded by itself.</summary>
    private readonly List<BlockDigest> digests = [];

    private byte[] buffer = new byte[4 * ContentChunker.Listings.Max];
    private int start;
    private int end;
    private Batch batch = blocks.Rent();

    /// <summary>Appends to the listing.</summary>
    public void Write(ReadOnlySpan<byte> bytes)
    {
        MakeRoom(bytes.Length);
        bytes.CopyTo(buffer.AsSpan(end));
        end += bytes.Length;
        while (end - start >= chunker.Max)
        {
            CutOne();
        }
    }

    /// <summary>Sends what is left. The blocks' digests are known when the block writer is complete.</summary>
    public void Flush()
    {
        while (start < end)
        {
            CutOne();
        }

        Send();
    }

    /// <summary>The listing's blocks in order and their digests, after the block writer is complete.</summary>
    public (List<(BlockId Id, int Length)> Blocks, BlockDigest[] Digests) Result() =>
        ([.. digests.Zip(lengths, (d, l) => (BlockId.Of(d), l))], [.. digests]);

    private void MakeRoom(int count)
    {
        if (end + count <= buffer.Length)
        {
            return;
        }

        var rest = buffer.AsSpan(start, end - start);
        if (rest.Length + count > buffer.Length)
        {
            var larger = new byte[(rest.Length + count) * 2];
            rest.CopyTo(larger);
            buffer = larger;
        }
        else
        {
            rest.CopyTo(buffer);
        }

        (start, end) = (0, rest.Length);
    }

    private void CutOne()
    {
        var content = buffer.AsSpan(start, Math.Min(end - start, chunker.Max));
        var length = chunker.Cut(content);
        if (length > batch.Free.Length)
        {
            Send();
        }

        content[..length].CopyTo(batch.Free);
        batch.Add(length);
        lengths.Add(length);
        lock (digests)
        {
            digests.Add(default);
        }

        start += length;
    }

    private void Send()
    {
        var first = lengths.Count - batch.Count;
        batch.Done = b =>
        {
            lock (digests)
            {
                for (var i = 0; i < b.Count; i++)
                {
                    digests[first + i] = b.Digests[i];
                }
            }
        };
        blocks.Submit(batch);
        batch = blocks.Rent();
    }
}
