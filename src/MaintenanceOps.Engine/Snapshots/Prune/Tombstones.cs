using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Snapshots.Prune;

/// <summary>
/// Which snapshots were removed on purpose. A snapshot that something names and that is not listed is either one of them, or it
/// is missing: then nothing must be concluded from its absence.
/// </summary>
internal sealed class Tombstones(Repository repository)
{
    private const string Folder = "removed/";

    /// <summary>The list of all snapshots that the last prune saw; the only object in the folder whose name is no id.</summary>
    private const string SeenName = Folder + "seen";

    /// <summary>A tombstone that nothing refers to any more is kept this long.</summary>
    private static readonly TimeSpan Age = TimeSpan.FromDays(30);

    /// <summary>Written before the manifest goes.</summary>
    public void Put(string id) => repository.Store.Create(Folder + id, []);

    public HashSet<string> All(CancellationToken cancellation = default) =>
        [.. repository.Store.List(Folder, cancellation).Select(o => o.Name[Folder.Length..]).Where(Repository.IsId)];

    /// <summary>The names of tombstones that may go: old, and of snapshots that nothing names.</summary>
    public IReadOnlyList<string> Spent(IReadOnlySet<string> named, DateTimeOffset now, CancellationToken cancellation) =>
        [.. repository.Store.List(Folder, cancellation)
            .Where(o => Repository.IsId(o.Name[Folder.Length..]) && !named.Contains(o.Name[Folder.Length..]) && now - o.Modified > Age)
            .Select(o => o.Name)];

    /// <summary>The snapshots that the last prune saw. A list that cannot be read says nothing.</summary>
    public IReadOnlyList<string> Seen(CancellationToken cancellation)
    {
        try
        {
            return repository.Store.Read(SeenName, cancellation) is { } bytes
                ? repository.Unseal(ObjectKind.Doom, SeenName, SeenName, bytes, c => NameList.FromBytes(c)).Names
                : [];
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.SnapshotDamaged)
        {
            return [];
        }
    }

    public void RememberSeen(IEnumerable<string> ids, CancellationToken cancellation)
    {
        var names = ids.Order(StringComparer.Ordinal).ToArray();
        if (!Seen(cancellation).SequenceEqual(names))
        {
            repository.Store.Replace(SeenName, SealedObject.Seal(repository.Key, ObjectKind.Doom, SeenName, new NameList { Names = names }.ToBytes()), cancellation);
        }
    }
}
