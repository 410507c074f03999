using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>One announcement: from its writing on no backup builds on what it names.</summary>
/// <param name="Name">The record's own name.</param>
/// <param name="Since">When the store wrote it, by the store's clock.</param>
/// <param name="Objects">The names of packs and maps; null where the record cannot be read.</param>
internal sealed record Doom(string Name, DateTimeOffset Since, IReadOnlyList<string>? Objects);

/// <summary>
/// The packs and maps that prunes have announced to remove. A record is written once and goes when all that it names is gone.
/// Names of packs and maps never come back, so what was doomed once is doomed for ever.
/// </summary>
internal sealed class Dooms(Repository repository)
{
    public const string Folder = "doomed/";
    private readonly Dictionary<string, IReadOnlyList<string>?> known = [];

    /// <summary>The records that are there now. Each is read once: it never changes.</summary>
    public IReadOnlyList<Doom> Read(CancellationToken cancellation = default)
    {
        var found = new List<Doom>();
        foreach (var stored in repository.Store.List(Folder, cancellation).OrderBy(o => o.Name, StringComparer.Ordinal))
        {
            if (!known.TryGetValue(stored.Name, out var objects))
            {
                if (repository.Store.Read(stored.Name, cancellation) is not { } bytes)
                {
                    // Gone since it was listed, and with it all that it named.
                    continue;
                }

                known[stored.Name] = objects = Open(stored.Name, bytes);
            }

            found.Add(new Doom(stored.Name, stored.Modified, objects));
        }

        return found;
    }

    /// <summary>The names that are doomed now.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.RepositoryDamaged"/>: a record cannot be read.</exception>
    public HashSet<string> Require(CancellationToken cancellation = default)
    {
        var dooms = Read(cancellation);
        return dooms.FirstOrDefault(d => d.Objects is null) is { } unreadable
            ? throw new MaintenanceException(
                ErrorCode.RepositoryDamaged,
                $"'{unreadable.Name}' in {repository.Location}, in which a prune has announced what it removes, cannot be read. Nothing is stored until 'Optimize-SnapshotRepository' or 'mops repo prune' has announced it anew.",
                unreadable.Name)
            : NamesOf(dooms);
    }

    public static HashSet<string> NamesOf(IEnumerable<Doom> dooms) => [.. dooms.SelectMany(d => d.Objects ?? [])];

    /// <summary>The ids of the packs among names.</summary>
    public static HashSet<string> PacksAmong(IEnumerable<string> names) =>
        [.. names.Where(n => n.StartsWith("packs/", StringComparison.Ordinal)).Select(n => n[(n.LastIndexOf('/') + 1)..])];

    /// <summary>Announces that objects will be removed.</summary>
    public void Announce(IReadOnlyList<string> objects, CancellationToken cancellation)
    {
        var name = Folder + Guid.NewGuid().ToString("N");
        repository.Store.Create(name, SealedObject.Seal(repository.Key, ObjectKind.Doom, name, new NameList { Names = [.. objects] }.ToBytes()), cancellation);
    }

    private string[]? Open(string name, byte[] bytes)
    {
        try
        {
            return repository.Unseal(ObjectKind.Doom, name, name, bytes, c => NameList.FromBytes(c)).Names;
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return null;
        }
    }
}
