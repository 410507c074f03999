using Amazon.Runtime;
using Amazon.S3.Model;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>Objects below a prefix of an S3 bucket, at AWS or at any server that speaks the same protocol.</summary>
internal sealed class S3ObjectStore : IObjectStore
{
    private readonly S3Location location;
    private readonly S3Connections connections;
    private readonly S3Requests requests;
    private readonly S3Reader reader;
    private readonly S3Writer writer;

    public S3ObjectStore(string location, S3Patience? patience = null)
    {
        this.location = S3Location.Parse(location);
        patience ??= new S3Patience();
        patience = patience with { Idle = this.location.Timeout ?? patience.Idle };
        var endpoint = S3Settings.EndpointOf(this.location);
        connections = new S3Connections(patience);
        requests = new S3Requests(S3Settings.Connect(this.location, endpoint, connections), this.location, endpoint, patience);
        reader = new S3Reader(requests, this.location);
        writer = new S3Writer(requests, this.location, reader, conditionalPut: endpoint is null);
    }

    public string Location => location.Text;

    public bool IsRemote => true;

    public bool Create(string name, ReadOnlySpan<byte> content, CancellationToken cancellation = default) => writer.Create(name, content.ToArray(), cancellation);

    public void Replace(string name, ReadOnlySpan<byte> content, CancellationToken cancellation = default) => writer.Replace(name, content.ToArray(), cancellation);

    public byte[]? Read(string name, CancellationToken cancellation = default) => reader.Read(name, cancellation);

    public int? ReadRange(string name, long offset, Span<byte> into, CancellationToken cancellation = default)
    {
        var bytes = reader.ReadRange(name, offset, into.Length, cancellation);
        bytes.CopyTo(into);
        return bytes?.Length;
    }

    public byte[]? ReadTail(string name, int count, CancellationToken cancellation = default) => reader.ReadTail(name, count, cancellation);

    public void Delete(string name, CancellationToken cancellation = default) => requests.Send(
        $"remove '{name}'",
        async (client, attempt) =>
        {
            try
            {
                await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = location.Bucket, Key = location.KeyOf(name) }, attempt.Token).ConfigureAwait(false);
            }
            catch (AmazonServiceException e) when (S3Errors.IsNotFound(e))
            {
                // S3 itself answers a deletion of nothing with success; some servers say 404.
            }
        },
        cancellation);

    /// <summary>Each page is checked on its way, see <see cref="S3Watch"/>; a page that is no page is an error and no end.</summary>
    public IEnumerable<StoredObject> List(string prefix, CancellationToken cancellation = default)
    {
        string? next = null;
        var tokens = new HashSet<string>();
        do
        {
            var page = requests.Send(
                $"list '{prefix}'",
                (client, attempt) => client.ListObjectsV2Async(
                    new ListObjectsV2Request { BucketName = location.Bucket, Prefix = location.KeyOf(prefix), ContinuationToken = next },
                    attempt.Token),
                cancellation);

            // The SDK leaves the list null where a page has nothing.
            foreach (var found in page.S3Objects ?? [])
            {
                yield return new StoredObject(location.NameOf(found.Key), found.Size ?? 0, Utc(found.LastModified));
            }

            next = page.IsTruncated == true ? page.NextContinuationToken : null;
            if (next is not null && !tokens.Add(next))
            {
                throw new MaintenanceException(ErrorCode.StoreUnavailable, $"The server's list of '{prefix}' in {location.Text} goes in a circle. Check the server and what stands before it.", location.Text);
            }
        }
        while (next is not null);
    }

    public int CleanLeftovers(TimeSpan olderThan, bool dryRun, CancellationToken cancellation = default)
    {
        var limit = DateTimeOffset.UtcNow - olderThan;
        var found = 0;
        foreach (var upload in writer.UnfinishedUploads(cancellation).Where(u => Utc(u.Initiated) <= limit).ToList())
        {
            found++;
            if (!dryRun)
            {
                writer.Abort(upload.Key, upload.UploadId, cancellation);
            }
        }

        return found;
    }

    public void Dispose()
    {
        requests.Dispose();
        connections.Dispose();
    }

    private static DateTimeOffset Utc(DateTime? time) => time is null ? default : new DateTimeOffset(time.Value.ToUniversalTime(), TimeSpan.Zero);
}
