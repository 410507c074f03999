using System.Runtime.ExceptionServices;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Snapshots.Blocks;

/// <summary>A pack whose footer cannot be read, and why.</summary>
internal readonly record struct DamagedPack(string ObjectName, long Size, string Reason);

/// <summary>Reads the footers of all packs: the repository's index, made anew from what it describes.</summary>
/// <param name="repository">The repository.</param>
/// <param name="afresh">
/// Reads every footer from the store, as a check must: what this machine remembers of a pack says nothing about the pack.
/// </param>
internal sealed class FooterReader(Repository repository, bool afresh = false)
{
    private readonly FooterCache? cache = FooterCache.Of(repository);

    /// <summary>Most footers are shorter than this, so that one request is enough.</summary>
    private const int Guess = 256 * 1024;

    /// <summary>Footers in the order of their packs' names; packs that cannot be read are left out and listed.</summary>
    public IReadOnlyList<PackFooter> ReadAll(out IReadOnlyList<DamagedPack> damaged)
    {
        var objects = repository.Store.List("packs/").OrderBy(o => o.Name, StringComparer.Ordinal).ToList();
        var footers = new PackFooter?[objects.Count];
        var reasons = new string?[objects.Count];
        ForEach(objects.Count, i =>
        {
            try
            {
                footers[i] = ReadTwice(objects[i]);
            }
            catch (Exception e) when (e is InvalidDataException or OverflowException)
            {
                reasons[i] = e.Message;
            }
        });
        cache?.KeepOnly(objects.Select(o => IdOf(o.Name)).ToHashSet());
        damaged = [.. objects.Select((o, i) => new DamagedPack(o.Name, o.Size, reasons[i] ?? "")).Where(d => d.Reason.Length > 0)];
        return [.. footers.OfType<PackFooter>()];
    }

    /// <summary>
    /// Calls the action for each number, on threads of its own: a remote store's answers arrive on the pool's, which must
    /// not all be waiting for them. The first failure ends the walk and is thrown as it is.
    /// </summary>
    private void ForEach(int count, Action<int> act)
    {
        var next = -1;
        ExceptionDispatchInfo? failure = null;
        var threads = Enumerable.Range(0, Math.Min(count, repository.Store.IsRemote ? 16 : 8)).Select(_ => new Thread(() =>
        {
            try
            {
                for (var i = Interlocked.Increment(ref next); i < count && failure is null; i = Interlocked.Increment(ref next))
                {
                    act(i);
                }
            }
#pragma warning disable CA1031 // Whatever ends a thread must reach the thread that waits for it.
            catch (Exception e)
#pragma warning restore CA1031
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        }) { IsBackground = true, Name = "mops footer reader" }).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        failure?.Throw();
    }

    /// <summary>What arrives damaged from a remote store is fetched once more: the damage may lie on the way.</summary>
    private PackFooter ReadTwice(StoredObject stored)
    {
        try
        {
            return Read(stored);
        }
        catch (InvalidDataException) when (repository.Store.IsRemote)
        {
            return Read(stored);
        }
    }

    private PackFooter Read(StoredObject stored)
    {
        var id = IdOf(stored.Name);
        if (!afresh && cache?.Find(id, stored) is { } kept && TryOpen(id, kept.Header, kept.Tail) is { } known)
        {
            return known;
        }

        var header = new byte[ObjectHeader.Size];
        _ = repository.Store.ReadRange(stored.Name, 0, header) ?? throw new InvalidDataException("It is missing.");
        var tail = repository.Store.ReadTail(stored.Name, Guess) ?? throw new InvalidDataException("It is missing.");
        var length = PackFooter.SealedLength(tail);
        if (length > tail.Length - Pack.TrailerSize && tail.Length == Guess)
        {
            tail = repository.Store.ReadTail(stored.Name, checked(length + Pack.TrailerSize)) ?? throw new InvalidDataException("It is missing.");
        }

        var footer = PackFooter.Open(repository.Key, id, header, tail);
        cache?.Keep(id, stored, header, tail);
        return footer;
    }

    /// <summary>Opens what the cache has; null where it is damaged.</summary>
    private PackFooter? TryOpen(string id, byte[] header, byte[] tail)
    {
        try
        {
            return PackFooter.Open(repository.Key, id, header, tail);
        }
        catch (Exception e) when (e is InvalidDataException or OverflowException)
        {
            return null;
        }
    }

    private static string IdOf(string name) => name[(name.LastIndexOf('/') + 1)..];
}
