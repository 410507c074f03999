using System.Net;
using System.Security;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Commands;

/// <summary>
/// The repositories that a pipeline has opened, each once: turning a passphrase into a key takes half a second by design.
/// </summary>
/// <param name="stopping">Ends every wait for a store when the command is stopped.</param>
internal sealed class OpenRepositories(CancellationToken stopping) : IDisposable
{
    private readonly Dictionary<string, Repository> open = new(StringComparer.Ordinal);

    /// <summary>Opens the repository, or gives the one that is open already.</summary>
    /// <param name="location">A full path or <c>s3://bucket/prefix</c>.</param>
    /// <param name="passphrase">The user's passphrase; the environment's where it is null.</param>
    /// <param name="initialize">Makes the repository where there is none.</param>
    public Repository Get(string location, Passphrase? passphrase, bool initialize = false)
    {
        if (!open.TryGetValue(location, out var repository))
        {
            repository = initialize ? OpenOrCreate(location, passphrase) : Repository.Open(location, passphrase, cancellation: stopping);
            open.Add(location, repository);
        }

        return repository;
    }

    /// <summary>Makes a repository and keeps it open.</summary>
    public Repository Create(string location, Passphrase? passphrase, string label) =>
        open[location] = Repository.Create(location, passphrase ?? Passphrase.FromEnvironment(), label, cancellation: stopping);

    public void Dispose()
    {
        foreach (var repository in open.Values)
        {
            repository.Dispose();
        }

        open.Clear();
    }

    /// <summary>The passphrase in what the user gave; null where it was nothing.</summary>
    public static Passphrase? PassphraseOf(SecureString? secret, string? keyFile) =>
        secret is not null ? Passphrase.FromText(new NetworkCredential("", secret).Password)
        : keyFile is not null ? Passphrase.FromFile(keyFile)
        : null;

    private Repository OpenOrCreate(string location, Passphrase? passphrase)
    {
        try
        {
            return Repository.Open(location, passphrase, cancellation: stopping);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.RepositoryNotFound)
        {
            return Repository.Create(location, passphrase ?? Passphrase.FromEnvironment(), cancellation: stopping);
        }
    }
}
