using System.Security.Cryptography;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;

namespace MaintenanceOps.Engine.Storage.S3;

/// <summary>
/// Writes objects: whole, once where asked, and in parts where they are large. S3 shows an object when it has all of it,
/// so nothing needs a temporary name.
/// </summary>
internal sealed class S3Writer(S3Requests requests, S3Location location, S3Reader reader, bool conditionalPut)
{
    /// <summary>Above this size an object is sent in parts, so that a failure costs a part and not all of it.</summary>
    internal const int LargestPut = 64 * 1024 * 1024;

    /// <summary>How long giving an upload up may take, after whatever ended it.</summary>
    private static readonly TimeSpan TidyingTime = TimeSpan.FromSeconds(1);

    private const int PartSize = 16 * 1024 * 1024;
    private readonly Lock[] creating = [.. Enumerable.Range(0, 16).Select(_ => new Lock())];

    /// <summary>
    /// What is known of <c>If-None-Match: *</c> at the server. AWS honours it. Other servers may refuse it, or take the
    /// request and ignore it; one that has refused a name because of it is believed from then on.
    /// </summary>
    private volatile Conditions conditions = conditionalPut ? Conditions.Honoured : Conditions.Unknown;

    private enum Conditions
    {
        Unknown,
        Honoured,
        Refused,
    }

    /// <summary>Makes an object that does not exist yet; false where one does.</summary>
    public bool Create(string name, byte[] content, CancellationToken cancellation)
    {
        if (conditions == Conditions.Honoured)
        {
            return TryPut(name, content, cancellation);
        }

        // The server may not compare and write in one step, so it is asked first. Between the question and the put another
        // machine can write the same name; within this process the lock keeps the two together. What the repository needs
        // to be exclusive, the fence of a prune, is read back by its holder, and all else has its hash as its name.
        lock (creating[(uint)name.GetHashCode(StringComparison.Ordinal) % creating.Length])
        {
            return reader.SizeOf(name, cancellation) is null && TryPut(name, content, cancellation);
        }
    }

    /// <summary>Makes or replaces an object.</summary>
    public void Replace(string name, byte[] content, CancellationToken cancellation) => Write(name, content, onlyNew: false, cancellation);

    /// <summary>The uploads in parts below the prefix that nobody has finished; none where the server cannot tell.</summary>
    public IEnumerable<MultipartUpload> UnfinishedUploads(CancellationToken cancellation)
    {
        string? key = null;
        string? id = null;
        while (true)
        {
            var page = requests.Send("list unfinished uploads", async (client, attempt) =>
            {
                try
                {
                    return await client.ListMultipartUploadsAsync(
                        new ListMultipartUploadsRequest { BucketName = location.Bucket, Prefix = location.KeyOf(""), KeyMarker = key, UploadIdMarker = id },
                        attempt.Token).ConfigureAwait(false);
                }
                catch (AmazonServiceException e) when (S3Errors.IsNotSupported(e))
                {
                    return null;
                }
            }, cancellation);
            foreach (var upload in page?.MultipartUploads ?? [])
            {
                yield return upload;
            }

            if (page?.IsTruncated != true)
            {
                yield break;
            }

            (key, id) = (page.NextKeyMarker, page.NextUploadIdMarker);
        }
    }

    /// <summary>Gives an unfinished upload up, so that its parts are no longer paid for.</summary>
    public void Abort(string key, string upload, CancellationToken cancellation) => requests.Send($"abort the upload of '{key}'", async (client, attempt) =>
    {
        try
        {
            await client.AbortMultipartUploadAsync(
                new AbortMultipartUploadRequest { BucketName = location.Bucket, Key = key, UploadId = upload },
                attempt.Token).ConfigureAwait(false);
        }
        catch (AmazonServiceException e) when (S3Errors.IsNoSuchUpload(e) || S3Errors.IsNotFound(e))
        {
            // Somebody else was first.
        }
    }, cancellation);

    private bool TryPut(string name, byte[] content, CancellationToken cancellation)
    {
        var written = Write(name, content, onlyNew: conditions != Conditions.Refused, cancellation);
        if (written is null)
        {
            // The condition was refused, not the object: ask and put, as above.
            conditions = Conditions.Refused;
            return reader.SizeOf(name, cancellation) is null && Write(name, content, onlyNew: false, cancellation) == true;
        }

        if (written == false)
        {
            conditions = Conditions.Honoured;
        }

        return written.Value;
    }

    /// <summary>True when the object was written; false where the name is taken; null where the server refuses the condition.</summary>
    private bool? Write(string name, byte[] content, bool onlyNew, CancellationToken cancellation) => content.Length > LargestPut
        ? WriteInParts(name, content, onlyNew, cancellation)
        : WriteAtOnce(name, content, onlyNew, cancellation);

    private bool? WriteAtOnce(string name, byte[] content, bool onlyNew, CancellationToken cancellation)
    {
        var hash = HashOf(content);
        var sent = 0;
        var written = requests.Send<bool?>($"write '{name}'", async (client, attempt) =>
        {
            sent = attempt.Number;
            using var body = new S3UploadStream(content, attempt);
            var request = new PutObjectRequest
            {
                BucketName = location.Bucket,
                Key = location.KeyOf(name),
                InputStream = body,
                AutoCloseStream = false,
                MD5Digest = hash,
                ContentType = "application/octet-stream",
                IfNoneMatch = onlyNew ? "*" : null,

                // Signed whole: chunked signatures are another thing that not every server knows.
                UseChunkEncoding = false,
            };
            try
            {
                await client.PutObjectAsync(request, attempt.Token).ConfigureAwait(false);
                return true;
            }
            catch (AmazonServiceException e) when (onlyNew && S3Errors.IsTaken(e))
            {
                return false;
            }
            catch (AmazonServiceException e) when (onlyNew && S3Errors.IsNotSupported(e))
            {
                return null;
            }
        }, cancellation);

        // The answer to an earlier attempt may have been lost after the server had written the object: then it is ours.
        return written == false && sent > 1 ? reader.Holds(name, content, cancellation) : written;
    }

    private bool? WriteInParts(string name, byte[] content, bool onlyNew, CancellationToken cancellation)
    {
        var key = location.KeyOf(name);
        var upload = requests.Send($"begin the upload of '{name}'", (client, attempt) => client.InitiateMultipartUploadAsync(
            new InitiateMultipartUploadRequest { BucketName = location.Bucket, Key = key, ContentType = "application/octet-stream" },
            attempt.Token), cancellation).UploadId;
        var finished = false;
        try
        {
            var parts = new List<PartETag>();
            for (var offset = 0; offset < content.Length; offset += PartSize)
            {
                var part = content.AsSpan(offset, Math.Min(PartSize, content.Length - offset)).ToArray();
                parts.Add(new PartETag(parts.Count + 1, SendPart(name, upload, parts.Count + 1, part, cancellation)));
            }

            var written = Complete(name, upload, parts, content, onlyNew, cancellation);
            finished = written == true;
            return written;
        }
        finally
        {
            if (!finished)
            {
                TryAbort(key, upload);
            }
        }
    }

    private string SendPart(string name, string upload, int number, byte[] part, CancellationToken cancellation)
    {
        var hash = HashOf(part);
        return requests.Send($"write part {number} of '{name}'", async (client, attempt) =>
        {
            using var body = new S3UploadStream(part, attempt);
            var request = new UploadPartRequest
            {
                BucketName = location.Bucket,
                Key = location.KeyOf(name),
                UploadId = upload,
                PartNumber = number,
                PartSize = part.Length,
                InputStream = body,
                MD5Digest = hash,
                UseChunkEncoding = false,
            };
            return (await client.UploadPartAsync(request, attempt.Token).ConfigureAwait(false)).ETag;
        }, cancellation);
    }

    private bool? Complete(string name, string upload, List<PartETag> parts, byte[] content, bool onlyNew, CancellationToken cancellation)
    {
        var lost = false;
        var written = requests.Send<bool?>($"finish the upload of '{name}'", async (client, attempt) =>
        {
            try
            {
                await client.CompleteMultipartUploadAsync(
                    new CompleteMultipartUploadRequest
                    {
                        BucketName = location.Bucket,
                        Key = location.KeyOf(name),
                        UploadId = upload,
                        PartETags = parts,
                        IfNoneMatch = onlyNew ? "*" : null,
                    },
                    attempt.Token).ConfigureAwait(false);
                return true;
            }
            catch (AmazonServiceException e) when (onlyNew && S3Errors.IsTaken(e))
            {
                lost = attempt.Number > 1;
                return false;
            }
            catch (AmazonServiceException e) when (attempt.Number > 1 && S3Errors.IsNoSuchUpload(e))
            {
                lost = true;
                return false;
            }
            catch (AmazonServiceException e) when (onlyNew && S3Errors.IsNotSupported(e))
            {
                return null;
            }
        }, cancellation);
        if (!lost)
        {
            return written;
        }

        // As above: an earlier attempt may have done it. A plain replace that cannot be found is a failure.
        return reader.Holds(name, content, cancellation) || (onlyNew
            ? false
            : throw new MaintenanceException(ErrorCode.StoreUnavailable, $"The upload of '{name}' to {location.Text} was lost by the server. Run it again.", location.Text));
    }

    private void TryAbort(string key, string upload)
    {
        try
        {
            using var soon = new CancellationTokenSource(TidyingTime);
            Abort(key, upload, soon.Token);
        }
        catch (Exception e) when (e is MaintenanceException or OperationCanceledException)
        {
            // The failure that brought us here is the one to tell; CleanLeftovers finds the upload later.
        }
    }

    private static string HashOf(byte[] content)
    {
#pragma warning disable CA5351 // Not for secrecy: Content-MD5 is the one checksum that every server verifies.
        return Convert.ToBase64String(MD5.HashData(content));
#pragma warning restore CA5351
    }
}
