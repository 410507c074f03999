using System.Collections.Concurrent;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Blocks;

namespace MaintenanceOps.Engine.Files;

/// <summary>What is stored of a tree whose files came as streams.</summary>
/// <param name="Map">The id of the listing's map.</param>
/// <param name="ContentHash">The hash over the listing.</param>
/// <param name="Size">The sum of the files' sizes in bytes.</param>
/// <param name="StoredSize">What the snapshot added to the repository in bytes.</param>
/// <param name="Count">The number of entries.</param>
internal sealed record StreamedTreeResult(string Map, string ContentHash, long Size, long StoredSize, long Count);

/// <summary>
/// Files that arrive one after the other as streams, such as the members of an archive: cut, stored and listed like the
/// files of a folder, without ever lying on a disk.
/// </summary>
internal sealed class StreamedTree : IDisposable
{
    private const int WindowSize = 512 * 1024;
    private readonly Repository repository;
    private readonly BlockWriter blocks;
    private readonly ListingWriter listing;
    private readonly CancellationToken cancellation;
    private readonly ConcurrentBag<byte[]> spare = [];
    private long size;

    public StreamedTree(Repository repository, CancellationToken cancellation)
    {
        this.repository = repository;
        this.cancellation = cancellation;
        blocks = new BlockWriter(repository, cancellation);
        listing = new ListingWriter(blocks);
    }

    /// <summary>Bytes taken so far.</summary>
    public long Size => Interlocked.Read(ref size);

    /// <summary>Adds a folder or a link; a folder comes before what is in it.</summary>
    public void Add(FileEntry entry) => listing.Add(new PendingEntry(entry));

    /// <summary>Adds a file to the stream's end, in chunks that the content itself bounds.</summary>
    public long AddFile(FileEntry entry, Stream content, Crc32C? sum = null) => Take(entry, content, 0, sum);

    /// <summary>Adds files that come at the same time, in the order in which they are given.</summary>
    /// <returns>Their lengths in bytes.</returns>
    public long[] AddFiles(IReadOnlyList<(FileEntry Entry, Stream Content)> files)
    {
        var taken = new PendingEntry[files.Count];
        try
        {
            Task.WaitAll([.. files.Select((f, i) => Task.Factory.StartNew(() => taken[i] = Cut(f.Entry, f.Content, 0, null), cancellation, TaskCreationOptions.LongRunning, TaskScheduler.Default))]);
        }
        catch (AggregateException e)
        {
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(e.Flatten().InnerExceptions[0]);
        }

        Array.ForEach(taken, listing.Add);
        return Array.ConvertAll(taken, t => t.Entry.Size);
    }

    /// <summary>Adds a file that is written page by page, such as a table's, in blocks of one page.</summary>
    public long AddPages(FileEntry entry, Stream content, int pageSize, Crc32C? sum = null) => Take(entry, content, pageSize, sum);

    /// <summary>Waits until everything is durable.</summary>
    public StreamedTreeResult Finish()
    {
        var (listingBlocks, digests) = listing.Finish(cancellation);
        var (map, mapStored) = repository.StoreMap(Listing.WriteMap(listingBlocks));
        return new StreamedTreeResult(map, ContentHash.Of(digests), size, blocks.StoredSize + mapStored, listing.Count);
    }

    public void Dispose()
    {
        listing.Dispose();
        blocks.Dispose();
    }

    private long Take(FileEntry entry, Stream content, int pageSize, Crc32C? sum)
    {
        var taken = Cut(entry, content, pageSize, sum);
        listing.Add(taken);
        return taken.Entry.Size;
    }

    private PendingEntry Cut(FileEntry entry, Stream content, int pageSize, Crc32C? sum)
    {
        var pending = new PendingEntry(entry);
        var chunker = ContentChunker.Files;
        var largest = pageSize > 0 ? pageSize : chunker.Max;
        if (!spare.TryTake(out var window))
        {
            window = new byte[WindowSize];
        }

        var (start, length, total, ended) = (0, 0, 0L, false);
        while (!ended || start < length)
        {
            cancellation.ThrowIfCancellationRequested();
            window.AsSpan(start, length - start).CopyTo(window);
            (start, length) = (0, length - start);
            while (!ended && length < window.Length)
            {
                var read = content.Read(window, length, window.Length - length);
                sum?.Append(window.AsSpan(length, read));
                ended = read == 0;
                length += read;
                total += read;
            }

            while (start < length && (ended || length - start >= largest))
            {
                var rest = window.AsSpan(start, Math.Min(length - start, largest));
                var cut = pageSize > 0 ? rest.Length : chunker.Cut(rest);
                lock (listing)
                {
                    listing.AddBlock(pending, rest[..cut]);
                }

                start += cut;
            }
        }

        spare.Add(window);
        Interlocked.Add(ref size, total);
        pending.Entry = entry with { Size = total };
        return pending;
    }
}
