using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Files;

/// <summary>A file whose blocks are still with the workers.</summary>
internal sealed class PendingEntry(FileEntry entry)
{
    private readonly List<Extent> extents = new(1);
    private int outstanding;

    public FileEntry Entry { get; set; } = entry;

    /// <summary>Whether all blocks have their ids.</summary>
    public bool IsReady => Volatile.Read(ref outstanding) == 0;

    public void AddHole(long length)
    {
        lock (extents)
        {
            extents.Add(new Extent(default, length, true));
        }
    }

    /// <summary>Reserves the place of a block that is hashed later.</summary>
    public int Reserve(int length)
    {
        lock (extents)
        {
            extents.Add(new Extent(default, length, false));
            Interlocked.Increment(ref outstanding);
            return extents.Count - 1;
        }
    }

    public void Resolve(int place, BlockId id)
    {
        lock (extents)
        {
            extents[place] = extents[place] with { Block = id };
        }

        Interlocked.Decrement(ref outstanding);
    }

    public FileEntry Finish() => extents.Count == 0 ? Entry : Entry with { Extents = [.. extents] };
}

/// <summary>
/// Sends the content of files to the block writer and collects the entries in their order; an entry leaves for the
/// listing when all of its blocks are known.
/// </summary>
internal sealed class ListingWriter(BlockWriter blocks) : IDisposable
{
    private readonly Queue<PendingEntry> pending = new();
    private readonly ListingBlocks listing = new(blocks);
    private readonly ByteWriter scratch = new();
    private readonly List<(PendingEntry Entry, int Place)> owners = [];
    private readonly AutoResetEvent finished = new(false);
    private Batch batch = blocks.Rent();

    public long Count { get; private set; }

    /// <summary>Whether an entry holds what version 1 of the format cannot say.</summary>
    public bool IsExtended { get; private set; }

    public void Add(PendingEntry entry)
    {
        pending.Enqueue(entry);
        Count++;
        Drain();
    }

    /// <summary>Hands a block of a file to the workers. The bytes are copied.</summary>
    public void AddBlock(PendingEntry owner, ReadOnlySpan<byte> content)
    {
        if (content.Length > batch.Free.Length)
        {
            Submit();
        }

        content.CopyTo(batch.Free);
        batch.Add(content.Length);
        owners.Add((owner, owner.Reserve(content.Length)));
    }

    /// <summary>Waits for the last file, then stores the listing itself.</summary>
    /// <returns>The listing's blocks in order and their digests.</returns>
    public (List<(BlockId Id, int Length)> Blocks, BlockDigest[] Digests) Finish(CancellationToken cancellation)
    {
        Submit();
        while (pending.Count > 0)
        {
            Drain();
            if (pending.Count > 0 && !finished.WaitOne(100))
            {
                blocks.ThrowIfFailed();
                cancellation.ThrowIfCancellationRequested();
            }
        }

        listing.Flush();
        blocks.Complete();
        return listing.Result();
    }

    public void Dispose() => finished.Dispose();

    private void Submit()
    {
        var own = owners.ToArray();
        owners.Clear();
        batch.Done = b =>
        {
            for (var i = 0; i < own.Length; i++)
            {
                own[i].Entry.Resolve(own[i].Place, BlockId.Of(b.Digests[i]));
            }

            finished.Set();
        };
        blocks.Submit(batch);
        batch = blocks.Rent();
        Drain();
    }

    private void Drain()
    {
        while (pending.TryPeek(out var entry) && entry.IsReady)
        {
            pending.Dequeue();
            scratch.Clear();
            var finished = entry.Finish();
            IsExtended |= finished.IsExtended;
            finished.Write(scratch);
            listing.Write(scratch.Written);
        }
    }
}
