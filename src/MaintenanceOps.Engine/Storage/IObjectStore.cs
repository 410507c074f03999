namespace MaintenanceOps.Engine.Storage;

/// <summary>An object in a store: its name and its size in bytes.</summary>
/// <param name="Name">The name with forward slashes, such as <c>packs/3f/3f…</c>.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Modified">When the store last wrote it, in UTC, by the store's own clock.</param>
public readonly record struct StoredObject(string Name, long Size, DateTimeOffset Modified);

/// <summary>
/// Named, immutable objects: a folder or an S3 prefix. Every method may be called from several threads. Failures are
/// <see cref="MaintenanceException"/>s with the codes <see cref="ErrorCode.StoreUnavailable"/>,
/// <see cref="ErrorCode.AccessDenied"/>, <see cref="ErrorCode.DiskFull"/> or <see cref="ErrorCode.InputOutput"/>.
/// </summary>
public interface IObjectStore : IDisposable
{
    /// <summary>Where the store is, as the user would write it: an absolute path or <c>s3://bucket/prefix?options</c>.</summary>
    string Location { get; }

    /// <summary>Whether every read is a request over a network, so that it pays to keep small parts nearby.</summary>
    bool IsRemote => false;

    /// <summary>Makes an object that does not exist yet. When the call returns, the object is whole and durable.</summary>
    /// <returns>False where an object of that name exists already; it is left as it was.</returns>
    bool Create(string name, ReadOnlySpan<byte> content);

    /// <summary>Makes or replaces an object in one step: a reader sees the old content or the new, never a mixture.</summary>
    void Replace(string name, ReadOnlySpan<byte> content);

    /// <summary>Reads an object whole; null where there is none.</summary>
    byte[]? Read(string name);

    /// <summary>
    /// Reads a part of an object, as long as the buffer; null where there is no such object.
    /// </summary>
    /// <returns>How many bytes were read: fewer than asked for where the part reaches past the end.</returns>
    int? ReadRange(string name, long offset, Span<byte> into);

    /// <summary>Reads the last bytes of an object, all of it where it is shorter; null where there is none.</summary>
    byte[]? ReadTail(string name, int count);

    /// <summary>Removes an object; one that does not exist is no error.</summary>
    void Delete(string name);

    /// <summary>Lists the objects whose names begin with the prefix, in no particular order.</summary>
    IEnumerable<StoredObject> List(string prefix);

    /// <summary>
    /// Removes what interrupted writers left behind and nobody will finish: temporary files, unfinished uploads.
    /// </summary>
    /// <returns>How many were found; they are removed unless <paramref name="dryRun"/> is set.</returns>
    int CleanLeftovers(TimeSpan olderThan, bool dryRun);
}
