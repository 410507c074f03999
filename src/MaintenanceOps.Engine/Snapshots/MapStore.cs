using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>
/// Writes and reads maps. Every map that is written has some random bytes of its own, so that its name is new: a prune that
/// wakes up late may still remove a name that it had chosen, and no snapshot must have come to need that name again.
/// </summary>
internal sealed class MapStore(Repository repository)
{
    /// <summary>The first byte of a map with random bytes; then they follow, then the map.</summary>
    private const byte Unique = 3;

    private const int UniqueLength = 16;

    /// <summary>The maps that were read here, by the hash of their content: what is the same is stored once.</summary>
    private readonly Dictionary<string, string> known = [];
    private (string Id, PageMap Map)? lastBase;

    /// <summary>Stores a map, where the same one was not met before.</summary>
    /// <returns>Its id and the bytes that it added.</returns>
    public (string Id, long Stored) Store(byte[] content)
    {
        if (Known(content) is { } same && repository.Commits.CanBuildOn(same) && repository.Store.ReadRange(PageMap.ObjectName(same), 0, new byte[1]) is not null)
        {
            return (same, 0);
        }

        byte[] unique = [Unique, .. System.Security.Cryptography.RandomNumberGenerator.GetBytes(UniqueLength), .. content];
        var id = repository.Key.NameOf(unique);
        var bytes = SealedObject.Seal(repository.Key, ObjectKind.Map, id, unique);
        repository.Store.Create(PageMap.ObjectName(id), bytes);
        Remember(id, content);
        return (id, bytes.Length);
    }

    /// <summary>Reads a page map with its base.</summary>
    public PageMap Read(string id)
    {
        var content = ReadBytes(id);
        return repository.Checked(PageMap.ObjectName(id), () => PageMap.BaseOf(content) is var baseId && baseId is not null && !Repository.IsId(baseId)
            ? throw new InvalidDataException("It names a base that cannot be.")
            : PageMap.Read(content, baseId is null ? null : ReadBase(baseId)));
    }

    /// <summary>Reads the map of a files snapshot's listing.</summary>
    public List<(BlockId Id, int Length)> ReadListing(string id) =>
        repository.Checked(PageMap.ObjectName(id), () => Files.Listing.ReadMap(ReadBytes(id)));

    /// <summary>The id of the map that this one is a difference to; null for a whole one.</summary>
    public string? BaseOf(string id) => repository.Checked(PageMap.ObjectName(id), () => PageMap.BaseOf(ReadBytes(id)));

    /// <summary>A whole map. The last one is remembered: many snapshots in a row differ from the same one.</summary>
    private PageMap ReadBase(string id)
    {
        if (lastBase is not { } last || last.Id != id)
        {
            lastBase = last = (id, PageMap.Read(ReadBytes(id), null));
        }

        return last.Map;
    }

    private byte[] ReadBytes(string id) => repository.Twice(() => ReadOnce(id));

    private byte[] ReadOnce(string id)
    {
        var name = PageMap.ObjectName(id);
        var bytes = repository.Store.Read(name) ?? throw repository.Damaged(name, "It is missing.", null);
        var content = repository.Unseal(ObjectKind.Map, name, id, bytes, c => c);
        if (repository.Key.NameOf(content) != id)
        {
            throw repository.Damaged(name, "It is another map under this name.", null);
        }

        content = content is [Unique, ..] ? content[Math.Min(content.Length, 1 + UniqueLength)..] : content;
        Remember(id, content);
        return content;
    }

    private string? Known(byte[] content)
    {
        lock (known)
        {
            return known.GetValueOrDefault(repository.Key.NameOf(content));
        }
    }

    private void Remember(string id, byte[] content)
    {
        // The content of a map that cannot be read tells no base; whoever reads it finds that out.
        lock (known)
        {
            known[repository.Key.NameOf(content)] = id;
        }

        if (content is [0 or 2, ..])
        {
            repository.Commits.NoteBase(id, null);
        }
        else if (content is [1, ..])
        {
            repository.Commits.NoteBase(id, repository.Checked(PageMap.ObjectName(id), () => PageMap.BaseOf(content)));
        }
    }
}
