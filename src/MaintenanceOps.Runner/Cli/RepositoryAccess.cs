using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Runner.Cli;

/// <summary>Finds a repository and the passphrase that opens it: from options, the environment, or a person.</summary>
internal sealed class RepositoryAccess(IOperationSink sink, CancellationToken cancellation = default)
{
    public const string Variable = "MAINTENANCEOPS_REPOSITORY";

    public static string LocationOf(string? given)
    {
        var location = string.IsNullOrWhiteSpace(given) ? Environment.GetEnvironmentVariable(Variable) : given;
        return string.IsNullOrWhiteSpace(location)
            ? throw new MaintenanceException(ErrorCode.InvalidArgument, $"Say which repository: --repository, or set {Variable}.")
            : location;
    }

    public Repository Open(string? given, string? keyFile, bool initialize = false)
    {
        var location = LocationOf(given);
        var passphrase = keyFile is null ? null : Passphrase.FromFile(keyFile);
        try
        {
            return Repository.Open(location, passphrase, cancellation: cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.PassphraseRequired && PassphrasePrompt.IsPossible)
        {
            return Repository.Open(location, PassphrasePrompt.Ask($"Passphrase of {location}: "), cancellation: cancellation);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.RepositoryNotFound && initialize)
        {
            return Create(location, passphrase ?? Passphrase.FromEnvironment(), "");
        }
    }

    public Repository Create(string location, Passphrase? passphrase, string label)
    {
        var repository = Repository.Create(location, passphrase, label, cancellation: cancellation);
        sink.Inform($"Made {(passphrase is null ? "a repository" : "an encrypted repository")} at {repository.Location}.");
        return repository;
    }
}
