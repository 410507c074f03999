using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A store that calls a test before it creates an object: the moment at which a process could sleep.</summary>
internal sealed class HookedStore(IObjectStore inner, Action<string> beforeCreate) : IObjectStore
{
    public string Location => inner.Location;

    public bool Create(string name, ReadOnlySpan<byte> content, CancellationToken cancellation)
    {
        beforeCreate(name);
        return inner.Create(name, content, cancellation);
    }

    public void Replace(string name, ReadOnlySpan<byte> content, CancellationToken cancellation) => inner.Replace(name, content, cancellation);

    public byte[]? Read(string name, CancellationToken cancellation) => inner.Read(name, cancellation);

    public int? ReadRange(string name, long offset, Span<byte> into, CancellationToken cancellation) => inner.ReadRange(name, offset, into, cancellation);

    public byte[]? ReadTail(string name, int count, CancellationToken cancellation) => inner.ReadTail(name, count, cancellation);

    public void Delete(string name, CancellationToken cancellation) => inner.Delete(name, cancellation);

    public IEnumerable<StoredObject> List(string prefix, CancellationToken cancellation) => inner.List(prefix, cancellation);

    public int CleanLeftovers(TimeSpan olderThan, bool dryRun, CancellationToken cancellation) => inner.CleanLeftovers(olderThan, dryRun, cancellation);

    public IDisposable? TryLock(bool alone) => inner.TryLock(alone);

    public void RequireSamePlace() => inner.RequireSamePlace();

    public void Dispose() => inner.Dispose();
}
