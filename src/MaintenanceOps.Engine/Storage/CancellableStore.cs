namespace MaintenanceOps.Engine.Storage;

/// <summary>
/// A store all of whose waits end when its owner is cancelled, whoever forgot to pass a token on. What is then tidied away,
/// such as a lease, has a second to go.
/// </summary>
internal sealed class CancellableStore(IObjectStore inner, CancellationToken owner) : IObjectStore
{
    private static readonly TimeSpan TidyingTime = TimeSpan.FromSeconds(1);

    public string Location => inner.Location;

    public bool IsRemote => inner.IsRemote;

    public void Prepare() => inner.Prepare();

    public bool Create(string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        return inner.Create(name, content, both.Token);
    }

    public void Replace(string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        inner.Replace(name, content, both.Token);
    }

    public byte[]? Read(string name, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        return inner.Read(name, both.Token);
    }

    public int? ReadRange(string name, long offset, Span<byte> into, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        return inner.ReadRange(name, offset, into, both.Token);
    }

    public byte[]? ReadTail(string name, int count, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        return inner.ReadTail(name, count, both.Token);
    }

    public void Delete(string name, CancellationToken cancellation)
    {
        if (!owner.IsCancellationRequested)
        {
            using var both = Both(cancellation);
            inner.Delete(name, both.Token);
            return;
        }

        using var soon = new CancellationTokenSource(TidyingTime);
        inner.Delete(name, soon.Token);
    }

    public IEnumerable<StoredObject> List(string prefix, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        foreach (var found in inner.List(prefix, both.Token))
        {
            yield return found;
        }
    }

    public int CleanLeftovers(TimeSpan olderThan, bool dryRun, CancellationToken cancellation)
    {
        using var both = Both(cancellation);
        return inner.CleanLeftovers(olderThan, dryRun, both.Token);
    }

    public IDisposable? TryLock(bool alone) => inner.TryLock(alone);

    public void RequireSamePlace() => inner.RequireSamePlace();

    public void Dispose() => inner.Dispose();

    private CancellationTokenSource Both(CancellationToken cancellation) => CancellationTokenSource.CreateLinkedTokenSource(owner, cancellation);
}
