using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>Receives a block that was read and found to be what its id says. Called from several threads.</summary>
/// <param name="ordinal">The block's place in the index.</param>
/// <param name="digest">The hash of the bytes.</param>
/// <param name="block">The bytes; valid during the call only.</param>
internal delegate void BlockHandler(int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block);

/// <summary>
/// Reads blocks in the order in which they lie in the packs: each frame is fetched, opened and decompressed once, however
/// many blocks are wanted from it, on a few threads.
/// </summary>
internal sealed class BlockReader(Repository repository)
{
    /// <summary>Neighbouring frames are fetched in one request of up to this many bytes.</summary>
    private const int MaxRequest = 4 * 1024 * 1024;

    /// <summary>A gap of unwanted bytes up to this size costs less to read than a second request.</summary>
    private const int MaxGap = 256 * 1024;

    private readonly BlockIndex index = repository.Index;

    /// <summary>What to do about a frame that cannot be read; without it the first one ends the walk.</summary>
    public Action<PackFooter, int, MaintenanceException>? OnDamage { get; init; }

    /// <summary>Reads the blocks with these ordinals.</summary>
    /// <param name="ordinals">Sorted, without repeats.</param>
    /// <param name="handle">Gets each block.</param>
    /// <param name="cancellation">Ends the walk.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>: a block cannot be read.</exception>
    public void Read(IReadOnlyList<int> ordinals, BlockHandler handle, CancellationToken cancellation)
    {
        var requests = Plan(ordinals);
        var next = -1;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, Math.Min(requests.Count, Math.Clamp(Environment.ProcessorCount, 1, 8))).Select(_ => new Thread(() =>
        {
            var raw = GC.AllocateUninitializedArray<byte>(Pack.FrameSize);
            var packed = GC.AllocateUninitializedArray<byte>(Pack.FrameSize + Pack.TagSize);
            try
            {
                for (var i = Interlocked.Increment(ref next); i < requests.Count && !stop.IsCancellationRequested; i = Interlocked.Increment(ref next))
                {
                    Fetch(requests[i], ordinals, raw, packed, handle);
                }
            }
#pragma warning disable CA1031 // Whatever ends a thread must reach the thread that waits for it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
                stop.Cancel();
            }
        }) { IsBackground = true, Name = "mops block reader" }).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        failure?.Throw();
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>One request: neighbouring frames of one pack, and which of the wanted ordinals they hold.</summary>
    private readonly record struct Request(PackFooter Pack, int PackFirst, int FirstFrame, int LastFrame, int From, int To);

    private List<Request> Plan(IReadOnlyList<int> ordinals)
    {
        var requests = new List<Request>();
        for (var i = 0; i < ordinals.Count;)
        {
            var start = index.Locate(ordinals[i]);
            var packFirst = ordinals[i] - start.Block;
            var from = i;
            var last = start.Frame;
            var begin = start.Pack.Frames[start.Frame].Offset;
            while (i < ordinals.Count && ordinals[i] - packFirst < start.Pack.Ids.Length)
            {
                var frame = index.Locate(ordinals[i]).Frame;
                var entry = start.Pack.Frames[frame];
                var end = start.Pack.Frames[last].Offset + start.Pack.Frames[last].StoredLength;
                if (frame != last && (entry.Offset - end > MaxGap || entry.Offset + entry.StoredLength - begin > MaxRequest))
                {
                    break;
                }

                last = frame;
                i++;
            }

            requests.Add(new Request(start.Pack, packFirst, start.Frame, last, from, i));
        }

        return requests;
    }

    private void Fetch(Request request, IReadOnlyList<int> ordinals, byte[] raw, byte[] packed, BlockHandler handle)
    {
        var frames = request.Pack.Frames;
        var offset = frames[request.FirstFrame].Offset;
        var length = (int)(frames[request.LastFrame].Offset + frames[request.LastFrame].StoredLength - offset);
        var name = Pack.ObjectName(request.Pack.PackId);
        byte[]? header;
        byte[]? bytes;
        if (offset == ObjectHeader.Size)
        {
            // The header lies just in front: one request instead of two.
            var both = repository.Store.ReadRange(name, 0, length + ObjectHeader.Size);
            header = both?[..Math.Min(ObjectHeader.Size, both.Length)];
            bytes = both?[Math.Min(ObjectHeader.Size, both.Length)..];
        }
        else
        {
            header = repository.Store.ReadRange(name, 0, ObjectHeader.Size);
            bytes = repository.Store.ReadRange(name, offset, length);
        }

        using var cipher = header?.Length == ObjectHeader.Size ? repository.Key.CipherFor(header) : null;
        var at = request.From;
        for (var f = request.FirstFrame; f <= request.LastFrame; f++)
        {
            var entry = frames[f];
            var until = at;
            while (until < request.To && ordinals[until] - request.PackFirst < entry.FirstBlock + entry.BlockCount)
            {
                until++;
            }

            if (until == at)
            {
                continue;
            }

            try
            {
                OpenFrame(request.Pack, f, header, cipher, bytes, (int)(entry.Offset - offset), raw, packed);
                HandleBlocks(request, f, ordinals, at, until, raw, handle);
            }
            catch (InvalidDataException e)
            {
                var damage = new MaintenanceException(
                    ErrorCode.SnapshotDamaged,
                    $"Frame {f} of '{name}' in {repository.Location} cannot be read. {e.Message} Test-SnapshotRepository names the snapshots that it hurts.",
                    name,
                    e);
                repository.MarkDamaged(request.Pack.PackId);
                if (OnDamage is not null)
                {
                    OnDamage(request.Pack, f, damage);
                }
                else if (!TryElsewhere(ordinals, at, until, handle))
                {
                    throw damage;
                }
            }

            at = until;
        }
    }

    /// <summary>Reads the blocks of a damaged frame from other packs that have them; false where one has no other place.</summary>
    private bool TryElsewhere(IReadOnlyList<int> ordinals, int at, int until, BlockHandler handle)
    {
        for (; at < until; at++)
        {
            var wanted = ordinals[at];
            if (!index.OtherPlacesOf(wanted).Any(other => TryReadOne(other, wanted, handle)))
            {
                return false;
            }
        }

        return true;
    }

    private bool TryReadOne(int place, int wanted, BlockHandler handle)
    {
        try
        {
            var request = Plan([place])[0];
            var found = false;
            var damaged = new BlockReader(repository) { OnDamage = (_, _, _) => { } };
            damaged.Fetch(
                request,
                [place],
                new byte[Pack.FrameSize],
                new byte[Pack.FrameSize + Pack.TagSize],
                (int _, in BlockDigest digest, ReadOnlySpan<byte> block) =>
                {
                    handle(wanted, digest, block);
                    found = true;
                });
            return found;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }

    private static void OpenFrame(PackFooter pack, int number, byte[]? header, AesGcm? cipher, byte[]? bytes, int at, byte[] raw, byte[] packed)
    {
        if (bytes is null)
        {
            throw new InvalidDataException("The pack is missing.");
        }

        var entry = pack.Frames[number];
        if (cipher is null || header is null || at + entry.StoredLength > bytes.Length)
        {
            throw new InvalidDataException("The pack is cut short.");
        }

        var length = entry.StoredLength - Pack.TagSize;
        Span<byte> nonce = stackalloc byte[12];
        Span<byte> associated = stackalloc byte[Pack.AssociatedSize];
        Pack.Nonce(nonce, (uint)number);
        Pack.AssociatedData(associated, header, (uint)number);
        try
        {
            // The seal that the footer remembers, not the one beside the frame: the footer's hash is the pack's name.
            cipher.Decrypt(nonce, bytes.AsSpan(at, length), pack.FrameTags.AsSpan(number * Pack.TagSize, Pack.TagSize), packed.AsSpan(0, length), associated);
        }
        catch (CryptographicException e)
        {
            throw new InvalidDataException("Its seal is broken.", e);
        }

        Compression.Decompress(entry.Compression, packed.AsSpan(0, length), raw.AsSpan(0, entry.RawLength));
    }

    private static void HandleBlocks(Request request, int frame, IReadOnlyList<int> ordinals, int at, int until, byte[] raw, BlockHandler handle)
    {
        var entry = request.Pack.Frames[frame];
        var start = 0;
        for (var block = entry.FirstBlock; block < entry.FirstBlock + entry.BlockCount && at < until; block++)
        {
            var length = request.Pack.Lengths[block];
            if (start + length > entry.RawLength)
            {
                throw new InvalidDataException("Its blocks are longer than the frame.");
            }

            if (ordinals[at] == request.PackFirst + block)
            {
                var bytes = raw.AsSpan(start, length);
                var digest = BlockDigest.Of(bytes);
                if (!BlockId.Of(digest).Equals(request.Pack.Ids[block]))
                {
                    throw new InvalidDataException("A block in it is not what its id says.");
                }

                handle(ordinals[at], digest, bytes);
                at++;
            }

            start += length;
        }
    }
}
