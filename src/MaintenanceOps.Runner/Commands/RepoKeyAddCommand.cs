using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoKeyAddCommand : RunnerCommand
{
    private static readonly Option<string> NewKeyFile = new("--new-key-file") { Description = "A file with the new passphrase; on a terminal it is asked for.", HelpName = "path" };
    private static readonly Option<string> Label = new("--label") { Description = "What you call the new passphrase.", HelpName = "text" };

    public RepoKeyAddCommand()
        : base(
            "add",
            "Add a passphrase to an encrypted repository. No data is rewritten.",
            "mops repo key add /mnt/backup/notes --key-file old.txt --new-key-file new.txt --label 'second admin'",
            "mops repo key add --label laptop") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, SharedOptions.KeyFile, NewKeyFile, Label);

    protected override ExitCode Execute(RunnerContext context)
    {
        var file = context.Get(NewKeyFile);
        if (file is null && !PassphrasePrompt.IsPossible)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, "Nobody is there to ask for the new passphrase. Give it in a file with --new-key-file.");
        }

        using var repository = context.OpenRepositoryArgument();
        var passphrase = file is null ? PassphrasePrompt.AskNew("The new passphrase: ") : Passphrase.FromFile(file);
        var key = new RepositoryAdministration(repository).AddKey(passphrase, context.Get(Label) ?? "");
        context.Output.Outcome(key, $"Added key {key}.");
        return ExitCode.Done;
    }
}
