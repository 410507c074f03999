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
    /// <summary>How often a request is sent over which nothing moves: each time costs the whole patience.</summary>
    private const int StalledAttempts = 2;

    /// <summary>Sends a request.</summary>
    /// <param name="doing">What it does, for messages, such as <c>read 'snapshots/3f…'</c>.</param>
    /// <param name="send">
    /// Sends it once. The attempt's token ends it when nothing moves any more. An answer that tells the caller something is
    /// caught in here; whatever leaves is a failure.
    /// </param>
    /// <param name="cancellation">Ends the request and every wait at once.</param>
    /// <exception cref="MaintenanceException">It failed for good.</exception>
    public T Send<T>(string doing, Func<AmazonS3Client, S3Attempt, Task<T>> send, CancellationToken cancellation)
    {
        var watch = Stopwatch.StartNew();
        var delay = patience.FirstDelay;
        var stalled = 0;
        for (var number = 1; ; number++)
        {
            cancellation.ThrowIfCancellationRequested();
            using var attempt = new S3Attempt(number, patience.Idle, cancellation);
            try
            {
                // The store's methods are called from the engine's own threads, where nothing waits for a context.
                return Task.Run(() => send(client, attempt.Begin()), CancellationToken.None).GetAwaiter().GetResult();
            }
            catch (Exception e) when (IsOfRequest(e))
            {
                cancellation.ThrowIfCancellationRequested();
                stalled += attempt.HasStalled ? 1 : 0;
                if (attempt.HasStalled && stalled >= StalledAttempts)
                {
                    throw S3Errors.Stalled(e, doing, location, endpoint, number, patience.Idle);
                }

                if (number >= patience.Attempts || watch.Elapsed > patience.Total || (!attempt.HasStalled && !S3Errors.IsPassing(e)))
                {
                    throw S3Errors.Wrap(e, doing, location, endpoint, number);
                }
            }

            // Between half of the delay and all of it, so that many clients do not come back at the same moment.
            cancellation.WaitHandle.WaitOne(delay * (0.5 + (Random.Shared.NextDouble() / 2)));
            delay = delay * 2 < patience.LongestDelay ? delay * 2 : patience.LongestDelay;
        }
    }

    /// <summary>Sends a request whose answer is of no use beyond that it went well.</summary>
    public void Send(string doing, Func<AmazonS3Client, S3Attempt, Task> send, CancellationToken cancellation) => Send(
        doing,
        async (client, attempt) =>
        {
            await send(client, attempt).ConfigureAwait(false);
            return true;
        },
        cancellation);

    public void Dispose() => client.Dispose();

    private static bool IsOfRequest(Exception e) => e is AmazonClientException or AmazonServiceException or HttpRequestException or IOException
        or OperationCanceledException or TimeoutException or InvalidOperationException or S3RefusedException;
}

/// <summary>One sending of a request: its number, and the clock that ends it when nothing moves.</summary>
internal sealed class S3Attempt : IDisposable
{
    /// <summary>A line that moves fewer bytes in the whole patience stands still: a byte a second would never end.</summary>
    private const int LeastProgress = 16 * 1024;

    private static readonly AsyncLocal<S3Attempt?> OfThisFlow = new();
    private readonly CancellationTokenSource source;
    private readonly CancellationToken owner;
    private readonly TimeSpan idle;
    private int moved;

    public S3Attempt(int number, TimeSpan idle, CancellationToken owner)
    {
        Number = number;
        this.idle = idle;
        this.owner = owner;
        source = CancellationTokenSource.CreateLinkedTokenSource(owner);
        source.CancelAfter(idle);
    }

    /// <summary>The attempt whose request this flow of control carries out.</summary>
    public static S3Attempt? Current => OfThisFlow.Value;

    /// <summary>Counts from one.</summary>
    public int Number { get; }

    public CancellationToken Token => source.Token;

    /// <summary>Whether it was ended because too little moved.</summary>
    public bool HasStalled => source.IsCancellationRequested && !owner.IsCancellationRequested;

    public S3Attempt Begin()
    {
        OfThisFlow.Value = this;
        return this;
    }

    /// <summary>Some bytes moved.</summary>
    public void Moved(int bytes)
    {
        if (Interlocked.Add(ref moved, bytes) >= LeastProgress)
        {
            Interlocked.Exchange(ref moved, 0);
            source.CancelAfter(idle);
        }
    }

    public void Dispose() => source.Dispose();
}

/// <summary>Bytes on their way to the server; each read of the network client shows that the line is alive.</summary>
internal sealed class S3UploadStream(byte[] bytes, S3Attempt attempt) : MemoryStream(bytes, writable: false)
{
    public override int Read(byte[] buffer, int offset, int count) => Counted(base.Read(buffer, offset, count));

    public override int Read(Span<byte> buffer) => Counted(base.Read(buffer));

    public override async Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        Counted(await base.ReadAsync(buffer.AsMemory(offset, count), cancellationToken).ConfigureAwait(false));

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
        Counted(await base.ReadAsync(buffer, cancellationToken).ConfigureAwait(false));

    private int Counted(int read)
    {
        attempt.Moved(read);
        return read;
    }
}
