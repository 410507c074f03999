using MaintenanceOps.Engine.Snapshots.Blocks;
using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// The step with which a snapshot begins to exist. It needs no clock: what the snapshot is going to need is written down first,
/// where every prune sees it, then it is looked whether a prune has doomed any of that, and only then is the manifest named. Of
/// a prune and a backup that pass each other, at least one sees the other; see section 13 of the format.
/// </summary>
internal sealed class Commits(Repository repository)
{
    private readonly HashSet<string> packs = [];
    private readonly Dictionary<string, long> written = [];
    private readonly Dictionary<string, string?> mapBases = [];

    /// <summary>Forgets what earlier work has built on: a new one begins.</summary>
    public void Begin()
    {
        lock (packs)
        {
            packs.Clear();
            written.Clear();
        }
    }

    /// <summary>Remembers a pack that the work has written.</summary>
    public void NoteWritten(string packId, long size)
    {
        lock (packs)
        {
            written[packId] = size;
        }
    }

    /// <summary>Remembers packs in which the work has found blocks.</summary>
    public void Note(IEnumerable<string> packIds)
    {
        lock (packs)
        {
            packs.UnionWith(packIds);
        }
    }

    /// <summary>Remembers on which other map a map is built; null for none.</summary>
    public void NoteBase(string map, string? baseMap)
    {
        lock (packs)
        {
            mapBases[map] = baseMap;
        }
    }

    /// <summary>Names a manifest; with it the snapshot exists.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.LeaseLost"/>: a prune has taken away what it would need.</exception>
    public string Run(Manifest manifest, CancellationToken cancellation)
    {
        var content = manifest.ToBytes();
        var id = repository.Key.NameOf(content);
        var (name, pending) = (Manifest.ObjectName(id), Manifest.PendingName(id));
        var bytes = SealedObject.Seal(repository.Key, ObjectKind.Manifest, id, content);
        repository.Store.Create(pending, bytes, cancellation);
        try
        {
            RequireAll(manifest, cancellation);
        }
        catch
        {
            TryDelete(pending);
            throw;
        }

        // A failure from here on leaves the pending manifest: the store may still carry out what it did not answer. A prune
        // that gives up on it takes the name itself, and then this creation is the one that comes too late.
        if (!repository.Store.Create(name, bytes, cancellation) && repository.Store.Read(name, cancellation)?.AsSpan().SequenceEqual(bytes) != true)
        {
            TryDelete(pending);
            throw Lost("A prune has given this work up for dead.");
        }

        LookBack(manifest, name, bytes, pending, cancellation);
        TryDelete(pending);
        return id;
    }

    /// <summary>Looks whether all that a manifest names is there to stay.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.LeaseLost"/>.</exception>
    public void RequireAll(Manifest manifest, CancellationToken cancellation)
    {
        repository.RequireSame();

        // The dooms before the packs: a pack that is listed after it was not among the dooms was not doomed then.
        var doomed = repository.Dooms.Require(cancellation);
        var there = repository.Store.List("packs/", cancellation).ToDictionary(o => o.Name, o => o.Size);
        foreach (var (pack, size) in Relied().Select(p => (Pack.ObjectName(p.Id), p.Size)))
        {
            Require(pack, doomed, there.TryGetValue(pack, out var stored));
            if (size is not null && size != stored)
            {
                throw NotStored(pack);
            }
        }

        foreach (var map in MapsOf(manifest).Select(PageMap.ObjectName))
        {
            Require(map, doomed, repository.Store.ReadRange(map, 0, new byte[1], cancellation) is not null);
        }
    }

    /// <summary>Whether new snapshots may build on a map: neither it nor its base is about to be removed.</summary>
    public bool CanBuildOn(string map) =>
        repository.DoomedNames() is var doomed && !doomed.Contains(PageMap.ObjectName(map)) && (BaseOf(map) is not { } wholeMap || !doomed.Contains(PageMap.ObjectName(wholeMap)));

    /// <summary>
    /// The same look once more, for stores that do not keep what they promise (a listing that lags, a condition that is not
    /// honoured), and whether it is still the same store. Where something is missing, the manifest is taken back.
    /// </summary>
    private void LookBack(Manifest manifest, string name, byte[] bytes, string pending, CancellationToken cancellation)
    {
        try
        {
            RequireAll(manifest, cancellation);
            if (repository.Store.Read(name, cancellation)?.AsSpan().SequenceEqual(bytes) != true)
            {
                throw NotStored(name);
            }
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.LeaseLost)
        {
            repository.Store.Delete(name, CancellationToken.None);
            TryDelete(pending);
            throw;
        }
    }

    /// <summary>The packs, and the size of those that were written here.</summary>
    private List<(string Id, long? Size)> Relied()
    {
        lock (packs)
        {
            packs.UnionWith(repository.ReliedInIndex());
            return [.. packs.Except(written.Keys).Select(p => (p, (long?)null)), .. written.Select(w => (w.Key, (long?)w.Value))];
        }
    }

    private IEnumerable<string> MapsOf(Manifest manifest) =>
        manifest.Kind.HasListing() || BaseOf(manifest.Map) is not { } wholeMap ? [manifest.Map] : [manifest.Map, wholeMap];

    private string? BaseOf(string map)
    {
        lock (packs)
        {
            if (mapBases.TryGetValue(map, out var known))
            {
                return known;
            }
        }

        return repository.ReadMapBase(map);
    }

    private void Require(string name, HashSet<string> doomed, bool there)
    {
        if (!there || doomed.Contains(name))
        {
            throw Lost($"'{name}' {(there ? "is about to be removed" : "is gone")}: a prune has taken this work for dead.");
        }
    }

    private void TryDelete(string name)
    {
        try
        {
            repository.Store.Delete(name, CancellationToken.None);
        }
        catch (Exception e) when (e is MaintenanceException or OperationCanceledException)
        {
            // The next prune finds it.
        }
    }

    private MaintenanceException NotStored(string name) => new(
        ErrorCode.StoreUnavailable,
        $"'{name}' was stored in {repository.Location}, and other bytes are there now. Nothing counts as stored. Check what stands between this machine and the store, and run it again.",
        name);

    private MaintenanceException Lost(string why) => new(
        ErrorCode.LeaseLost,
        $"The work in {repository.Location} was overtaken, as when a machine sleeps. {why} No snapshot was made and nothing was harmed; run it again.",
        repository.Location);
}
