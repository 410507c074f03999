using System.Runtime.ExceptionServices;
using System.Security.Cryptography;

namespace MaintenanceOps.Engine.Snapshots.Format;

/// <summary>What a sealed file says of itself; small, and readable without reading the file.</summary>
/// <param name="Name">The object's whole name in the repository.</param>
/// <param name="Size">The file's size in bytes.</param>
/// <param name="Hash">SHA-256 of the file.</param>
/// <param name="Stored">The size of the object in bytes.</param>
internal sealed record SealedFileFacts(string Name, long Size, byte[] Hash, long Stored);

/// <summary>
/// One whole file as one object with a name that means something, outside the packs: what is written once, read whole and
/// removed alone, such as a segment of a write-ahead log. It is laid out like a pack: the first frame describes the
/// file, and each of the others holds the next 256 KiB of it as one block.
/// </summary>
internal static class SealedFile
{
    private const int HashSize = 32;

    /// <summary>Stores the file under the name.</summary>
    /// <returns>False where the name is taken, by whatever content.</returns>
    public static bool Create(Repository repository, string name, ReadOnlyMemory<byte> content)
    {
        using var builder = new PackBuilder(repository.Key, ObjectKind.SealedFile);
        var frames = new Frame[(content.Length + Pack.FrameSize - 1) / Pack.FrameSize];
        byte[] description = [];

        // Plain threads: a server waits for this, and the library's parallel loop takes 20 ms to get going. The first to
        // come takes the description, whose hash over everything is the longest piece of work.
        var next = -1;
        OnAllProcessors(() =>
        {
            var packed = GC.AllocateUninitializedArray<byte>(Compression.MaxLength(Pack.FrameSize));
            for (var i = Interlocked.Increment(ref next); i <= frames.Length; i = Interlocked.Increment(ref next))
            {
                if (i == 0)
                {
                    description = Describe(name, content.Span);
                }
                else
                {
                    frames[i - 1] = Frame.Of(Part(content, i - 1).Span, packed);
                }
            }
        });
        builder.Add(CompressionKind.Stored, description, description.Length, [BlockId.Of(BlockDigest.Of(description))], [description.Length]);
        foreach (var frame in frames)
        {
            builder.Add(frame.Kind, frame.Packed.Span, frame.Length, [frame.Id], [frame.Length]);
        }

        return repository.Store.Create(name, builder.Finish().Bytes.Span);
    }

    /// <summary>What the object under the name says of itself; null where there is none.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public static SealedFileFacts? Find(Repository repository, string name) => repository.Store.Read(name) is { } bytes
        ? Checked(repository, name, () => Open(repository, name, bytes).Facts)
        : null;

    /// <summary>Reads the file back, checked against its hash; null where there is none.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.SnapshotDamaged"/>.</exception>
    public static byte[]? Read(Repository repository, string name) => repository.Store.Read(name) is { } bytes
        ? Checked(repository, name, () => Unpack(repository, name, bytes))
        : null;

    /// <summary>Runs the same work on a thread for each processor, this one among them; it shares itself out.</summary>
    private static void OnAllProcessors(Action work)
    {
        var failures = new Exception?[Math.Clamp(Environment.ProcessorCount, 1, 8)];
        var helpers = new Thread[failures.Length - 1];
        for (var i = 0; i < helpers.Length; i++)
        {
            var number = i + 1;
            helpers[i] = new Thread(() => Guard(number)) { IsBackground = true, Name = "mops sealed file" };
            helpers[i].Start();
        }

        Guard(0);
        Array.ForEach(helpers, h => h.Join());
        if (Array.Find(failures, f => f is not null) is { } failure)
        {
            ExceptionDispatchInfo.Throw(failure);
        }

        void Guard(int number)
        {
            try
            {
                work();
            }
#pragma warning disable CA1031 // It is thrown on the caller's thread.
            catch (Exception e)
#pragma warning restore CA1031
            {
                failures[number] = e;
            }
        }
    }

    private static byte[] Unpack(Repository repository, string name, byte[] bytes)
    {
        var (facts, footer) = Open(repository, name, bytes);
        var content = GC.AllocateUninitializedArray<byte>(checked((int)facts.Size));
        var next = 0;
        OnAllProcessors(() =>
        {
            for (var i = Interlocked.Increment(ref next); i < footer.Frames.Length; i = Interlocked.Increment(ref next))
            {
                var target = content.AsSpan(checked((i - 1) * Pack.FrameSize));
                var raw = OpenFrame(repository.Key, footer, bytes, i);
                if (raw.Length > target.Length)
                {
                    throw new InvalidDataException("It holds more than it says.");
                }

                raw.CopyTo(target);
            }
        });
        return SHA256.HashData(content).AsSpan().SequenceEqual(facts.Hash)
            ? content
            : throw new InvalidDataException("Its content does not have the hash that it says.");
    }

    private static (SealedFileFacts Facts, PackFooter Footer) Open(Repository repository, string name, byte[] bytes)
    {
        var footer = PackFooter.Open(repository.Key, ObjectKind.SealedFile, bytes, bytes);
        if (footer.Frames.Length == 0)
        {
            throw new InvalidDataException("It has no description.");
        }

        var reader = new ByteReader(OpenFrame(repository.Key, footer, bytes, 0));
        var facts = new SealedFileFacts(reader.Text(), reader.Int64(), reader.Take(HashSize).ToArray(), bytes.Length);
        return facts.Name == name ? (facts, footer) : throw new InvalidDataException("It is another file under this name.");
    }

    private static byte[] OpenFrame(MasterKey key, PackFooter footer, ReadOnlySpan<byte> bytes, int number)
    {
        var entry = footer.Frames[number];
        if (entry.Offset + entry.StoredLength > bytes.Length)
        {
            throw new InvalidDataException("It is cut short.");
        }

        var raw = GC.AllocateUninitializedArray<byte>(entry.RawLength);
        var packed = GC.AllocateUninitializedArray<byte>(entry.StoredLength - Pack.TagSize);
        using var cipher = key.CipherFor(footer.Header);
        Pack.OpenFrame(footer, number, cipher, bytes.Slice((int)entry.Offset, entry.StoredLength), packed);
        Compression.Decompress(entry.Compression, packed, raw);
        return raw;
    }

    private static byte[] Describe(string name, ReadOnlySpan<byte> content)
    {
        var writer = new ByteWriter();
        writer.Text(name);
        writer.VarInt(content.Length);
        writer.Bytes(SHA256.HashData(content));
        return writer.Written.ToArray();
    }

    private static ReadOnlyMemory<byte> Part(ReadOnlyMemory<byte> content, int frame) =>
        content.Slice(frame * Pack.FrameSize, Math.Min(Pack.FrameSize, content.Length - (frame * Pack.FrameSize)));

    private static T Checked<T>(Repository repository, string name, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidDataException or OverflowException)
        {
            throw new MaintenanceException(ErrorCode.SnapshotDamaged, $"'{name}' in {repository.Location} cannot be read. {e.Message}", name, e);
        }
    }

    /// <summary>A part of the file, ready to be sealed.</summary>
    private readonly record struct Frame(CompressionKind Kind, ReadOnlyMemory<byte> Packed, int Length, BlockId Id)
    {
        public static Frame Of(ReadOnlySpan<byte> raw, Span<byte> packed)
        {
            var kind = Compression.Compress(raw, packed, out var written);
            return new Frame(kind, packed[..written].ToArray(), raw.Length, BlockId.Of(BlockDigest.Of(raw)));
        }
    }
}
