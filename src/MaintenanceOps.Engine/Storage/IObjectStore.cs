namespace MaintenanceOps.Engine.Storage;

/// <summary>An object in a store: its name and its size in bytes.</summary>
/// <param name="Name">The name with forward slashes, such as <c>packs/3f/3f…</c>.</param>
/// <param name="Size">The size in bytes.</param>
/// <param name="Modified">When the store last wrote it, in UTC, by the store's own clock.</param>
public readonly record struct StoredObject(string Name, long Size, DateTimeOffset Modified);

/// <summary>
/// Named, immutable objects: a folder or an S3 prefix. Every method may be called from several threads. Failures are
/// <see cref="MaintenanceException"/>s with the codes <see cref="ErrorCode.StoreUnavailable"/>,
/// <see cref="ErrorCode.AccessDenied"/>, <see cref="ErrorCode.DiskFull"/> or <see cref="ErrorCode.InputOutput"/>. A token ends
/// every wait within a second.
/// </summary>
public interface IObjectStore : IDisposable
{
    /// <summary>Where the store is, as the user would write it: an absolute path or <c>s3://bucket/prefix?options</c>.</summary>
    string Location { get; }

    /// <summary>Whether every read is a request over a network, so that it pays to keep small parts nearby.</summary>
    bool IsRemote => false;

    /// <summary>Makes the place for a new store's objects, where it is missing. No other method makes it.</summary>
    void Prepare()
    {
    }

    /// <summary>Makes an object that does not exist yet. When the call returns, the object is whole and durable.</summary>
    /// <returns>False where an object of that name exists already; it is left as it was.</returns>
    bool Create(string name, ReadOnlySpan<byte> content, CancellationToken cancellation = default);

    /// <summary>Makes or replaces an object in one step: a reader sees the old content or the new, never a mixture.</summary>
    void Replace(string name, ReadOnlySpan<byte> content, CancellationToken cancellation = default);

    /// <summary>Reads an object whole; null where there is none. One that is larger than any of its kind can be is not read.</summary>
    byte[]? Read(string name, CancellationToken cancellation = default);

    /// <summary>
    /// Reads a part of an object, as long as the buffer; null where there is no such object.
    /// </summary>
    /// <returns>How many bytes were read: fewer than asked for where the part reaches past the end.</returns>
    int? ReadRange(string name, long offset, Span<byte> into, CancellationToken cancellation = default);

    /// <summary>Reads the last bytes of an object, all of it where it is shorter; null where there is none.</summary>
    byte[]? ReadTail(string name, int count, CancellationToken cancellation = default);

    /// <summary>Removes an object; one that does not exist is no error.</summary>
    void Delete(string name, CancellationToken cancellation = default);

    /// <summary>Lists the objects whose names begin with the prefix, in no particular order.</summary>
    IEnumerable<StoredObject> List(string prefix, CancellationToken cancellation = default);

    /// <summary>
    /// Removes what interrupted writers left behind and nobody will finish: temporary files, unfinished uploads.
    /// </summary>
    /// <returns>How many were found; they are removed unless <paramref name="dryRun"/> is set.</returns>
    int CleanLeftovers(TimeSpan olderThan, bool dryRun, CancellationToken cancellation = default);

    /// <summary>
    /// Takes the operating system's own lock on the store, which dies with its process: shared by all who work in it, or
    /// alone. Never waits.
    /// </summary>
    /// <returns>Null where somebody stands in the way, or where the store has no such lock.</returns>
    IDisposable? TryLock(bool alone) => null;

    /// <summary>Throws where the location no longer leads to the place that was opened: its disk went away meanwhile.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.StoreUnavailable"/>.</exception>
    void RequireSamePlace()
    {
    }
}
