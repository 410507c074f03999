using System.IO.Compression;

namespace MaintenanceOps.Engine.Health.Probes.Http;

/// <summary>As much of an answer as may be read, counted after decompression: a small answer can unpack into gigabytes.</summary>
internal sealed record BoundedBody(byte[] Bytes, bool IsCut)
{
    /// <exception cref="InvalidDataException">It is compressed in a way that does not unpack.</exception>
    public static async Task<BoundedBody> Read(HttpResponseMessage answer, int most, CancellationToken cancellation)
    {
        var raw = await answer.Content.ReadAsStreamAsync(cancellation).ConfigureAwait(false);
        await using var _ = raw.ConfigureAwait(false);
        var plain = Unpacked(raw, answer.Content.Headers.ContentEncoding);
        await using var __ = plain.ConfigureAwait(false);
        using var bytes = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while (bytes.Length <= most && await plain.ReadAsync(buffer, cancellation).ConfigureAwait(false) is > 0 and var read)
        {
            bytes.Write(buffer, 0, read);
        }

        return bytes.Length > most ? new BoundedBody(bytes.GetBuffer()[..most], IsCut: true) : new BoundedBody(bytes.ToArray(), IsCut: false);
    }

    /// <summary>Nothing compressed is asked for, but some servers send it all the same.</summary>
    private static Stream Unpacked(Stream raw, ICollection<string> encodings) => encodings.Select(e => e.ToLowerInvariant()).Where(e => e != "identity").ToArray() switch
    {
        [] => raw,
        ["gzip" or "x-gzip"] => new GZipStream(raw, CompressionMode.Decompress),
        ["br"] => new BrotliStream(raw, CompressionMode.Decompress),
        ["deflate"] => new ZLibStream(raw, CompressionMode.Decompress),
        [var other] => throw new InvalidDataException($"The encoding '{Expectation.Shorten(other, 20)}' is not known."),

        // Half unpacked it would be held against what the plain text should be.
        _ => throw new InvalidDataException("It is compressed several times."),
    };
}
