using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>What a repository is and which passphrases open it.</summary>
public sealed class RepositoryAdministration(Repository repository)
{
    /// <summary>Describes the repository with its sizes and keys.</summary>
    public SnapshotRepository Describe()
    {
        var snapshots = new SnapshotCatalog(repository).List();
        var objects = repository.Store.List("").ToList();
        return new SnapshotRepository
        {
            Repository = repository.Location,
            Id = repository.Description.Id,
            Format = repository.Description.Format,
            Encrypted = repository.Description.Encrypted,
            Created = repository.Description.Created,
            Keys = [.. new KeyRing(repository.Store, repository.Description.Id).List().Select(Describe)],
            Sources = [.. snapshots.Select(s => s.Source).Distinct().Order(StringComparer.Ordinal)],
            SnapshotCount = snapshots.Count,
            ContentSize = snapshots.Sum(s => s.Size),
            StoredSize = objects.Sum(o => o.Size),
            PackCount = objects.Count(o => o.Name.StartsWith("packs/", StringComparison.Ordinal)),
            Newest = snapshots.Count == 0 ? null : snapshots[^1].Created,
        };
    }

    /// <summary>Adds a passphrase. No data is rewritten.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: the repository is not encrypted.</exception>
    public RepositoryKey AddKey(Passphrase passphrase, string label)
    {
        RequireEncrypted();
        return Describe(new KeyRing(repository.Store, repository.Description.Id).Add(repository.Key, passphrase, label, repository.Time));
    }

    /// <summary>Removes a passphrase; the last one cannot be removed.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.KeyNotRemovable"/> or <see cref="ErrorCode.InvalidArgument"/>.</exception>
    public void RemoveKey(string id)
    {
        RequireEncrypted();
        new KeyRing(repository.Store, repository.Description.Id).Remove(id);
    }

    private void RequireEncrypted()
    {
        if (!repository.Description.Encrypted)
        {
            throw new MaintenanceException(
                ErrorCode.InvalidArgument,
                $"{repository.Location} is not encrypted, so it has no keys. Make an encrypted one and Copy-Snapshot into it.",
                repository.Location);
        }
    }

    private static RepositoryKey Describe(KeyDescription key) => new(key.Id, key.Label, key.Created, $"{key.Derivation}/{key.Iterations}");
}
