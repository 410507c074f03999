using System.Collections.Concurrent;
using System.Runtime.ExceptionServices;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>
/// Takes batches of blocks from one source thread, hashes them, drops those that the repository has, compresses the rest
/// into frames on a few threads and stores full packs on another. Memory does not grow with the source.
/// </summary>
internal sealed class BlockWriter : IDisposable
{
    private const int BatchesInFlight = 8;
    private readonly Repository repository;
    private readonly BlockIndex index;
    private readonly HashSet<BlockId> claimed = [];
    private readonly BlockingCollection<Batch> waiting = new(BatchesInFlight);
    private readonly ConcurrentBag<Batch> spare = [];
    private readonly BlockingCollection<PackBuilder> full = new(1);
    private readonly CancellationTokenSource stop;
    private readonly Thread[] workers;
    private readonly Thread storing;
    private readonly Lock packing = new();
    private PackBuilder current;
    private ExceptionDispatchInfo? failure;
    private long stored;
    private bool completed;

    public BlockWriter(Repository repository, CancellationToken cancellation)
    {
        this.repository = repository;
        index = repository.Index;
        stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        current = new PackBuilder(repository.Key);
        workers = [.. Enumerable.Range(0, Math.Clamp(Environment.ProcessorCount, 1, 8)).Select(i => Start(Work, $"mops block worker {i}"))];
        storing = Start(StorePacks, "mops pack store");
    }

    /// <summary>Bytes of the packs stored so far.</summary>
    public long StoredSize => Interlocked.Read(ref stored);

    /// <summary>An empty batch to fill.</summary>
    public Batch Rent() => spare.TryTake(out var batch) ? batch : new Batch();

    /// <summary>Hands a batch to the workers; waits while they have enough to do.</summary>
    public void Submit(Batch batch)
    {
        try
        {
            waiting.Add(batch, stop.Token);
        }
        catch (OperationCanceledException)
        {
            failure?.Throw();
            throw;
        }
    }

    /// <summary>Throws what ended a worker, where one was ended.</summary>
    public void ThrowIfFailed() => failure?.Throw();

    /// <summary>Waits until all that was submitted is durable in the repository.</summary>
    public void Complete()
    {
        waiting.CompleteAdding();
        foreach (var worker in workers)
        {
            worker.Join();
        }

        if (failure is null && !stop.IsCancellationRequested && !current.IsEmpty)
        {
            // The storing thread may die while its queue is full: then nobody would ever take this one.
            Guard(() => full.Add(current, stop.Token));
            if (!stop.IsCancellationRequested)
            {
                current = new PackBuilder(repository.Key);
            }
        }

        full.CompleteAdding();
        storing.Join();
        completed = true;
        if (StoredSize > 0)
        {
            repository.ForgetIndex();
        }

        failure?.Throw();
        stop.Token.ThrowIfCancellationRequested();
    }

    public void Dispose()
    {
        if (!completed)
        {
            stop.Cancel();
            waiting.CompleteAdding();
            foreach (var worker in workers)
            {
                worker.Join();
            }

            full.CompleteAdding();
            storing.Join();
        }

        current.Dispose();
        while (full.TryTake(out var left))
        {
            left.Dispose();
        }

        stop.Dispose();
        waiting.Dispose();
        full.Dispose();
    }

    private Thread Start(Action work, string name)
    {
        var thread = new Thread(() => Guard(work)) { IsBackground = true, Name = name };
        thread.Start();
        return thread;
    }

    /// <summary>The first failure of any thread stops them all and is told to the source.</summary>
    private void Guard(Action work)
    {
        try
        {
            work();
        }
        catch (OperationCanceledException)
        {
            // Told by Complete.
        }
#pragma warning disable CA1031 // Whatever ends a thread must reach the thread that waits for it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            stop.Cancel();
        }
    }

    private void Work()
    {
        var frame = new FrameBuffer();
        foreach (var batch in waiting.GetConsumingEnumerable(stop.Token))
        {
            for (var i = 0; i < batch.Count; i++)
            {
                var block = batch.Block(i);
                batch.Digests[i] = BlockDigest.Of(block);
                var id = BlockId.Of(batch.Digests[i]);
                if (index.FindSound(id) >= 0 || !Claim(id))
                {
                    continue;
                }

                if (!frame.Fits(block.Length))
                {
                    Flush(frame);
                }

                frame.Add(id, block);
            }

            batch.Done?.Invoke(batch);
            batch.Clear();
            spare.Add(batch);
        }

        Flush(frame);
    }

    private bool Claim(BlockId id)
    {
        lock (claimed)
        {
            return claimed.Add(id);
        }
    }

    private void Flush(FrameBuffer frame)
    {
        if (frame.IsEmpty)
        {
            return;
        }

        var compression = frame.Compress(out var packed);
        PackBuilder? finished = null;
        lock (packing)
        {
            current.Add(compression, packed, frame.Length, frame.Ids, frame.Lengths);
            if (current.IsFull)
            {
                finished = current;
                current = new PackBuilder(repository.Key);
            }
        }

        frame.Clear();
        if (finished is not null)
        {
            full.Add(finished, stop.Token);
        }
    }

    private void StorePacks()
    {
        foreach (var builder in full.GetConsumingEnumerable(stop.Token))
        {
            using (builder)
            {
                var (id, bytes) = builder.Finish();
                repository.Store.Create(Pack.ObjectName(id), bytes.Span, stop.Token);
                repository.Commits.NoteWritten(id, bytes.Length);
                Interlocked.Add(ref stored, bytes.Length);
            }
        }
    }
}
