using System.Globalization;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>Reads objects and parts of them, and believes no answer that does not say which bytes it holds.</summary>
internal sealed class S3Reader(S3Requests requests, S3Location location)
{
    /// <summary>False once the server has answered a request for the last bytes with other ones.</summary>
    private volatile bool knowsSuffixes = true;

    /// <summary>False once an object has arrived twice without the MD5 that its tag seemed to be.</summary>
    private volatile bool tagsAreHashes = true;

    /// <summary>Bytes of an object: those from an offset on, and how many the object has in all.</summary>
    private readonly record struct Part(byte[] Bytes, long Offset, long Total);

    /// <summary>Reads an object whole; null where there is none.</summary>
    public byte[]? Read(string name, CancellationToken cancellation)
    {
        // The SDK compares the bytes with the MD5 that the tag of an object is, where it is one. Two that differ were not
        // damaged on their way: the object is damaged in the store, or the server's tags are other things. Whether the
        // bytes are right is then for their seal to say, and a range of them comes without the SDK's opinion.
        for (var tried = 0; tagsAreHashes && tried < 2; tried++)
        {
            if (TryRead(name, cancellation, out var bytes))
            {
                return bytes;
            }
        }

        tagsAreHashes = false;
        return Fetch(name, new ByteRange("bytes=0-"), cancellation) is { } part ? Cut(part, name, 0, part.Total) : null;
    }

    /// <summary>Reads a part of an object, shorter where it reaches past the end; null where there is no such object.</summary>
    public byte[]? ReadRange(string name, long offset, int count, CancellationToken cancellation)
    {
        if (count == 0)
        {
            return SizeOf(name, cancellation) is null ? null : [];
        }

        return Fetch(name, new ByteRange(offset, offset + count - 1), cancellation) is { } part ? Cut(part, name, offset, Math.Min(offset + count, part.Total)) : null;
    }

    /// <summary>Reads the last bytes of an object; null where there is none.</summary>
    public byte[]? ReadTail(string name, int count, CancellationToken cancellation)
    {
        if (count > 0 && knowsSuffixes)
        {
            var suffix = new ByteRange(string.Create(CultureInfo.InvariantCulture, $"bytes=-{count}"));
            if (Fetch(name, suffix, cancellation) is not { } part)
            {
                return null;
            }

            if (part.Offset <= Math.Max(0, part.Total - count) && part.Offset + part.Bytes.Length == part.Total)
            {
                return Cut(part, name, Math.Max(0, part.Total - count), part.Total);
            }

            // Some servers read "the last n bytes" as "the first n": they are asked for the size and a plain range.
            knowsSuffixes = false;
        }

        var size = SizeOf(name, cancellation);
        return size is null ? null : ReadRange(name, Math.Max(0, size.Value - count), (int)Math.Min(size.Value, count), cancellation);
    }

    /// <summary>An object's size; null where there is none.</summary>
    public long? SizeOf(string name, CancellationToken cancellation) => requests.Send<long?>($"look at '{name}'", async (client, attempt) =>
    {
        try
        {
            var response = await client.GetObjectMetadataAsync(
                new GetObjectMetadataRequest { BucketName = location.Bucket, Key = location.KeyOf(name) },
                attempt.Token).ConfigureAwait(false);
            return response.ContentLength;
        }
        catch (AmazonServiceException e) when (S3Errors.IsNotFound(e))
        {
            return null;
        }
    }, cancellation);

    /// <summary>Whether the object is there with exactly this content.</summary>
    public bool Holds(string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        const int Step = 16 * 1024 * 1024;
        if (SizeOf(name, cancellation) != content.Length)
        {
            return false;
        }

        for (var offset = 0; offset < content.Length; offset += Step)
        {
            var expected = content.Slice(offset, Math.Min(Step, content.Length - offset));
            if (ReadRange(name, offset, expected.Length, cancellation) is not { } actual || !expected.SequenceEqual(actual))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Reads an object whole; false where it does not have the hash that its tag tells.</summary>
    private bool TryRead(string name, CancellationToken cancellation, out byte[]? bytes)
    {
        (var matches, bytes) = requests.Send<(bool, byte[]?)>($"read '{name}'", async (client, attempt) =>
        {
            try
            {
                using var response = await client.GetObjectAsync(Request(name, null), attempt.Token).ConfigureAwait(false);
                return (true, await ReadBody(response, name, attempt).ConfigureAwait(false));
            }
            catch (AmazonServiceException e) when (S3Errors.IsNotFound(e))
            {
                return (true, null);
            }
            catch (AmazonClientException e) when (S3Errors.IsOtherHash(e))
            {
                return (false, null);
            }
            catch (ArgumentException)
            {
                // The SDK takes every tag for hexadecimal digits.
                return (false, null);
            }
        }, cancellation);
        return matches;
    }

    private GetObjectRequest Request(string name, ByteRange? range) => new()
    {
        BucketName = location.Bucket,
        Key = location.KeyOf(name),
        ByteRange = range,
    };

    private Part? Fetch(string name, ByteRange range, CancellationToken cancellation) => requests.Send<Part?>($"read '{name}'", async (client, attempt) =>
    {
        try
        {
            using var response = await client.GetObjectAsync(Request(name, range), attempt.Token).ConfigureAwait(false);
            var bytes = await ReadBody(response, name, attempt).ConfigureAwait(false);
            var (offset, total) = PlaceOf(response, bytes.Length);
            return new Part(bytes, offset, total);
        }
        catch (AmazonServiceException e) when (S3Errors.IsRangeOutside(e))
        {
            // The object is there and has nothing at this place.
            return new Part([], 0, 0);
        }
        catch (AmazonServiceException e) when (S3Errors.IsNotFound(e))
        {
            return null;
        }
    }, cancellation);

    /// <summary>The bytes from one offset up to another one, out of a part that must hold them.</summary>
    private byte[] Cut(Part part, string name, long from, long until)
    {
        if (until <= from)
        {
            return [];
        }

        if (part.Offset > from || part.Offset + part.Bytes.Length < until)
        {
            throw new MaintenanceException(
                ErrorCode.StoreUnavailable,
                $"The server of {location.Text} answered a request for bytes {from} to {until - 1} of '{name}' with bytes {part.Offset} to {part.Offset + part.Bytes.Length - 1}. It does not know ranges.",
                location.Text);
        }

        return part.Offset == from && part.Bytes.Length == until - from
            ? part.Bytes
            : part.Bytes[(int)(from - part.Offset)..(int)(until - part.Offset)];
    }

    /// <summary>Where the answer's bytes lie, by its Content-Range; a server that knows no ranges sends the whole object.</summary>
    private static (long Offset, long Total) PlaceOf(GetObjectResponse response, int length)
    {
        var text = response.ContentRange;
        if (string.IsNullOrEmpty(text))
        {
            return (0, length);
        }

        var dash = text.IndexOf('-', StringComparison.Ordinal);
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (!text.StartsWith("bytes ", StringComparison.Ordinal)
            || dash < 0
            || slash < dash
            || !long.TryParse(text.AsSpan(6, dash - 6), NumberStyles.None, CultureInfo.InvariantCulture, out var first)
            || !long.TryParse(text.AsSpan(dash + 1, slash - dash - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var last)
            || !long.TryParse(text.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var total))
        {
            throw new IOException($"The server sent the range '{text}', which cannot be read.");
        }

        return length == last - first + 1
            ? (first, total)
            : throw new IOException($"The server announced {last - first + 1} bytes and sent {length}.");
    }

    /// <summary>Reads the body to its announced end. One that ends before is an error that is worth another attempt.</summary>
    private async Task<byte[]> ReadBody(GetObjectResponse response, string name, S3Attempt attempt)
    {
        var length = response.ContentLength;
        ObjectLimits.Require(name, length, location.Text);

        var bytes = GC.AllocateUninitializedArray<byte>((int)length);
        var done = 0;
        while (done < bytes.Length)
        {
            var read = await response.ResponseStream.ReadAsync(bytes.AsMemory(done), attempt.Token).ConfigureAwait(false);
            if (read == 0)
            {
                throw new IOException($"The answer ended after {done} of {bytes.Length} bytes.");
            }

            attempt.Moved(read);
            done += read;
        }

        return bytes;
    }
}
