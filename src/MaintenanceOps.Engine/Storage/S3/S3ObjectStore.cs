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
        patience ??= new S3Patience();
        this.location = S3Location.Parse(location);
        var endpoint = S3Settings.EndpointOf(this.location);
        connections = new S3Connections(patience);
        requests = new S3Requests(S3Settings.Connect(this.location, endpoint, connections), this.location, endpoint, patience);
        reader = new S3Reader(requests, this.location);
        writer = new S3Writer(requests, this.location, reader, conditionalPut: endpoint is null);
    }

    public string Location => location.Text;

    public bool IsRemote => true;

    public bool Create(string name, ReadOnlySpan<byte> content) => writer.Create(name, content.ToArray());

    public void Replace(string name, ReadOnlySpan<byte> content) => writer.Replace(name, content.ToArray());

    public byte[]? Read(string name) => reader.Read(name);

    public int? ReadRange(string name, long offset, Span<byte> into)
    {
        var bytes = reader.ReadRange(name, offset, into.Length);
        bytes.CopyTo(into);
        return bytes?.Length;
    }

    public byte[]? ReadTail(string name, int count) => reader.ReadTail(name, count);

    public void Delete(string name) => requests.Send($"remove '{name}'", async (client, attempt) =>
    {
        try
        {
            await client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = location.Bucket, Key = location.KeyOf(name) }, attempt.Token).ConfigureAwait(false);
        }
        catch (AmazonServiceException e) when (S3Errors.IsNotFound(e))
        {
            // S3 itself answers a deletion of nothing with success; some servers say 404.
        }
    });

    public IEnumerable<StoredObject> List(string prefix)
    {
        string? next = null;
        do
        {
            var page = requests.Send($"list '{prefix}'", (client, attempt) => client.ListObjectsV2Async(
                new ListObjectsV2Request { BucketName = location.Bucket, Prefix = location.KeyOf(prefix), ContinuationToken = next },
                attempt.Token));

            // The SDK leaves the list null where a page has nothing.
            foreach (var found in page.S3Objects ?? [])
            {
                yield return new StoredObject(location.NameOf(found.Key), found.Size ?? 0, Utc(found.LastModified));
            }

            next = page.IsTruncated == true ? page.NextContinuationToken : null;
        }
        while (next is not null);
    }

    public int CleanLeftovers(TimeSpan olderThan, bool dryRun)
    {
        var limit = DateTimeOffset.UtcNow - olderThan;
        var found = 0;
        foreach (var upload in writer.UnfinishedUploads().Where(u => Utc(u.Initiated) <= limit).ToList())
        {
            found++;
            if (!dryRun)
            {
                writer.Abort(upload.Key, upload.UploadId);
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
