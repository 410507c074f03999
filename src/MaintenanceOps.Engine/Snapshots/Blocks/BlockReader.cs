using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>Receives a block that was read and found to be what its id says. Called from several threads.</summary>
/// <param name="ordinal">The block's place in the index.</param>
/// <param name="digest">The hash of the bytes.</param>
/// <param name="block">The bytes; valid during the call only.</param>
internal delegate void BlockHandler(int ordinal, in BlockDigest digest, ReadOnlySpan<byte> block);

/// <summary>One wanted block of a frame: where it begins in the frame's bytes, and how long it is.</summary>
internal readonly record struct FrameBlock(int Ordinal, int Start, int Length, BlockDigest Digest);

/// <summary>
/// Receives the wanted blocks of one frame, after all of them were found to be what their ids say: for who can do more
/// with neighbours than with one block after the other. Called from several threads.
/// </summary>
/// <param name="blocks">The blocks, in the order of their bytes.</param>
/// <param name="bytes">The frame; valid during the call only.</param>
internal delegate void FrameHandler(ReadOnlySpan<FrameBlock> blocks, ReadOnlySpan<byte> bytes);

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

    /// <summary>Reads the blocks with these ordinals, one by one.</summary>
    /// <inheritdoc cref="Read(IReadOnlyList{int}, FrameHandler, CancellationToken)"/>
    public void Read(IReadOnlyList<int> ordinals, BlockHandler handle, CancellationToken cancellation) =>
        Read(
            ordinals,
            (blocks, bytes) =>
            {
                foreach (ref readonly var block in blocks)
                {
                    handle(block.Ordinal, block.Digest, bytes.Slice(block.Start, block.Length));
                }
            },
            cancellation);

    /// <summary>Reads the blocks with these ordinals, frame by frame.</summary>
    /// <param name="ordinals">Sorted, without repeats.</param>
    /// <param name="handle">Gets what was read.</param>
    /// <param name="cancellation">Ends the walk.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>: a block cannot be read.</exception>
    public void Read(IReadOnlyList<int> ordinals, FrameHandler handle, CancellationToken cancellation)
    {
        var requests = Plan(ordinals);
        var next = -1;
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, Math.Min(requests.Count, Math.Clamp(Environment.ProcessorCount, 1, 8))).Select(_ => new Thread(() =>
        {
            var buffers = new Buffers();
            try
            {
                for (var i = Interlocked.Increment(ref next); i < requests.Count && !stop.IsCancellationRequested; i = Interlocked.Increment(ref next))
                {
                    Fetch(requests[i], ordinals, buffers, handle);
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

    /// <summary>What one thread works in, from the first request to the last.</summary>
    private sealed class Buffers
    {
        private byte[] fetched = [];

        /// <summary>A frame as it was before it was packed.</summary>
        public byte[] Raw { get; } = GC.AllocateUninitializedArray<byte>(Pack.FrameSize);

        /// <summary>A frame without its seal.</summary>
        public byte[] Packed { get; } = GC.AllocateUninitializedArray<byte>(Pack.FrameSize + Pack.TagSize);

        public List<FrameBlock> Blocks { get; } = [];

        /// <summary>Room for what a request brings.</summary>
        public Span<byte> Fetched(int length)
        {
            if (fetched.Length < length)
            {
                fetched = GC.AllocateUninitializedArray<byte>(length);
            }

            return fetched.AsSpan(0, length);
        }
    }

    private List<Request> Plan(IReadOnlyList<int> ordinals)
    {
        var requests = new List<Request>();
        for (var i = 0; i < ordinals.Count;)
        {
            var start = index.Locate(ordinals[i]);
            var (pack, packFirst, from, last) = (start.Pack, ordinals[i] - start.Block, i, start.Frame);
            var begin = pack.Frames[last].Offset;
            for (var frame = last; i < ordinals.Count && ordinals[i] - packFirst < pack.Ids.Length; i++)
            {
                while (ordinals[i] - packFirst >= pack.Frames[frame].FirstBlock + pack.Frames[frame].BlockCount)
                {
                    frame++;
                }

                var entry = pack.Frames[frame];
                var end = pack.Frames[last].Offset + pack.Frames[last].StoredLength;
                if (frame != last && (entry.Offset - end > MaxGap || entry.Offset + entry.StoredLength - begin > MaxRequest))
                {
                    break;
                }

                last = frame;
            }

            requests.Add(new Request(pack, packFirst, start.Frame, last, from, i));
        }

        return requests;
    }

    private void Fetch(Request request, IReadOnlyList<int> ordinals, Buffers buffers, FrameHandler handle)
    {
        var frames = request.Pack.Frames;
        var offset = frames[request.FirstFrame].Offset;
        var fetched = buffers.Fetched((int)(frames[request.LastFrame].Offset + frames[request.LastFrame].StoredLength - offset));
        var name = Pack.ObjectName(request.Pack.PackId);
        var there = repository.Store.ReadRange(name, offset, fetched);
        ReadOnlySpan<byte> bytes = fetched[..(there ?? 0)];
        using var cipher = repository.Key.CipherFor(request.Pack.Header);
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
                try
                {
                    var frame = there is null ? throw new InvalidDataException("The pack is missing.") : Part(bytes, (int)(entry.Offset - offset), entry.StoredLength);
                    OpenFrame(request.Pack, f, cipher, frame, buffers);
                }
                catch (InvalidDataException) when (repository.Store.IsRemote)
                {
                    // The damage may lie on the way: the frame is fetched once more, by itself.
                    var again = new byte[entry.StoredLength];
                    OpenFrame(request.Pack, f, cipher, Part(again.AsSpan(0, repository.Store.ReadRange(name, entry.Offset, again) ?? 0), 0, entry.StoredLength), buffers);
                }

                FindBlocks(request, f, ordinals, at, until, buffers);
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

                at = until;
                continue;
            }

            // Outside of the try: what the receiver thinks of sound bytes says nothing about the pack.
            Hand(handle, buffers, entry.RawLength);
            at = until;
        }
    }

    /// <summary>A receiver that finds sound blocks unfit was led here by a wrong map or listing.</summary>
    private void Hand(FrameHandler handle, Buffers buffers, int length)
    {
        try
        {
            handle(CollectionsMarshal.AsSpan(buffers.Blocks), buffers.Raw.AsSpan(0, length));
        }
        catch (InvalidDataException e)
        {
            throw new MaintenanceException(
                ErrorCode.SnapshotDamaged,
                $"The snapshot's map in {repository.Location} does not fit the blocks that it names. {e.Message} The blocks are sound; use another snapshot.",
                repository.Location,
                e);
        }
    }

    /// <summary>Reads the blocks of a damaged frame from other packs that have them; false where one has no other place.</summary>
    private bool TryElsewhere(IReadOnlyList<int> ordinals, int at, int until, FrameHandler handle)
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

    private bool TryReadOne(int place, int wanted, FrameHandler handle)
    {
        // Planned with this reader's index: the mark that the damage left has put the packs into another order since.
        var found = false;
        var other = new BlockReader(repository) { OnDamage = (_, _, _) => { } };
        other.Fetch(
            Plan([place])[0],
            [place],
            new Buffers(),
            (blocks, bytes) =>
            {
                handle([blocks[0] with { Ordinal = wanted }], bytes);
                found = true;
            });
        return found;
    }

    private static ReadOnlySpan<byte> Part(ReadOnlySpan<byte> bytes, int at, int length) =>
        at + length <= bytes.Length ? bytes.Slice(at, length) : throw new InvalidDataException("The pack is cut short.");

    /// <summary>Opens the seal and decompresses into <see cref="Buffers.Raw"/>.</summary>
    private static void OpenFrame(PackFooter pack, int number, AesGcm cipher, ReadOnlySpan<byte> frame, Buffers buffers)
    {
        var entry = pack.Frames[number];
        var packed = buffers.Packed.AsSpan(0, entry.StoredLength - Pack.TagSize);
        Pack.OpenFrame(pack, number, cipher, frame, packed);
        Compression.Decompress(entry.Compression, packed, buffers.Raw.AsSpan(0, entry.RawLength));
    }

    /// <summary>Finds the wanted blocks of the opened frame, and compares each with its id.</summary>
    private static void FindBlocks(Request request, int frame, IReadOnlyList<int> ordinals, int at, int until, Buffers buffers)
    {
        buffers.Blocks.Clear();
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
                var digest = BlockDigest.Of(buffers.Raw.AsSpan(start, length));
                if (!BlockId.Of(digest).Equals(request.Pack.Ids[block]))
                {
                    throw new InvalidDataException("A block in it is not what its id says.");
                }

                buffers.Blocks.Add(new FrameBlock(ordinals[at], start, length, digest));
                at++;
            }

            start += length;
        }
    }
}
