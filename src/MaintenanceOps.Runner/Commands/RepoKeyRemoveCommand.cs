using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Runner.Cli;
using MaintenanceOps.Runner.Output;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoKeyRemoveCommand : RunnerCommand
{
    private static readonly Argument<string> Key = new("key") { Description = "The key's id, as 'mops repo info' shows it." };

    public RepoKeyRemoveCommand()
        : base(
            "remove",
            "Remove a passphrase from an encrypted repository. The last one cannot go.",
            "mops repo key remove 5e1f0c9a7b2d4e88 --repository /mnt/backup/notes") =>
        Use(Key, SharedOptions.Repository, SharedOptions.KeyFile);

    protected override ExitCode Execute(RunnerContext context)
    {
        using var repository = context.OpenRepository();
        var id = context.Get(Key)!;
        new RepositoryAdministration(repository).RemoveKey(id);
        context.Output.Outcome(new KeyRemovalResult(id, repository.Location, Removed: true), $"Removed key {id}.");
        return ExitCode.Done;
    }
}
