using System.Diagnostics;
using Amazon.Runtime;
using Amazon.S3;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>
/// Sends requests until one goes well or trying again makes no sense. Every request here may be sent twice: reads and
/// deletions by their nature, puts because they carry the whole object.
/// </summary>
internal sealed class S3Requests(AmazonS3Client client, S3Location location, Uri? endpoint, S3Patience patience) : IDisposable
{
    /// <summary>Sends a request.</summary>
    /// <param name="doing">What it does, for messages, such as <c>read 'snapshots/3f…'</c>.</param>
    /// <param name="send">
    /// Sends it once. The attempt's token ends it when nothing moves any more. An answer that tells the caller something is
    /// caught in here; whatever leaves is a failure.
    /// </param>
    /// <exception cref="MaintenanceException">It failed for good.</exception>
    public T Send<T>(string doing, Func<AmazonS3Client, S3Attempt, Task<T>> send)
    {
        var watch = Stopwatch.StartNew();
        var delay = patience.FirstDelay;
        for (var number = 1; ; number++)
        {
            try
            {
                using var attempt = new S3Attempt(number, patience.Idle);

                // The store's methods are called from the engine's own threads, where nothing waits for a context.
                return send(client, attempt).GetAwaiter().GetResult();
            }
            catch (Exception e) when (e is AmazonClientException or AmazonServiceException or HttpRequestException or IOException or OperationCanceledException or TimeoutException or InvalidOperationException)
            {
                if (number >= patience.Attempts || watch.Elapsed > patience.Total || !S3Errors.IsPassing(e))
                {
                    throw S3Errors.Wrap(e, doing, location, endpoint, number);
                }
            }

            // Between half of the delay and all of it, so that many clients do not come back at the same moment.
            Thread.Sleep(delay * (0.5 + (Random.Shared.NextDouble() / 2)));
            delay = delay * 2 < patience.LongestDelay ? delay * 2 : patience.LongestDelay;
        }
    }

    /// <summary>Sends a request whose answer is of no use beyond that it went well.</summary>
    public void Send(string doing, Func<AmazonS3Client, S3Attempt, Task> send) => Send(doing, async (client, attempt) =>
    {
        await send(client, attempt).ConfigureAwait(false);
        return true;
    });

    public void Dispose() => client.Dispose();
}

/// <summary>One sending of a request: its number, and the clock that ends it when nothing moves.</summary>
internal sealed class S3Attempt : IDisposable
{
    private readonly CancellationTokenSource source;
    private readonly TimeSpan idle;

    public S3Attempt(int number, TimeSpan idle)
    {
        Number = number;
        this.idle = idle;
        source = new CancellationTokenSource(idle);
    }

    /// <summary>Counts from one.</summary>
    public int Number { get; }

    public CancellationToken Token => source.Token;

    /// <summary>Something moved.</summary>
    public void Touch() => source.CancelAfter(idle);

    public void Dispose() => source.Dispose();
}

/// <summary>Bytes on their way to the server; each read of the network client shows that the line is alive.</summary>
internal sealed class S3UploadStream(byte[] bytes, S3Attempt attempt) : MemoryStream(bytes, writable: false)
{
    public override int Read(byte[] buffer, int offset, int count)
    {
        attempt.Touch();
        return base.Read(buffer, offset, count);
    }

    public override int Read(Span<byte> buffer)
    {
        attempt.Touch();
        return base.Read(buffer);
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        attempt.Touch();
        return base.ReadAsync(buffer, offset, count, cancellationToken);
    }

    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        attempt.Touch();
        return base.ReadAsync(buffer, cancellationToken);
    }
}
