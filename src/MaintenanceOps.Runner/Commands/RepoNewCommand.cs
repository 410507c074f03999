using System.CommandLine;
using MaintenanceOps.Engine.Snapshots;
using MaintenanceOps.Engine.Snapshots.Keys;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

internal sealed class RepoNewCommand : RunnerCommand
{
    private static readonly Option<bool> Encrypt = new("--encrypt") { Description = "Protect the content with a passphrase; on a terminal it is asked for." };
    private static readonly Option<string> Label = new("--label") { Description = "What you call the passphrase.", HelpName = "text" };

    public RepoNewCommand()
        : base(
            "new",
            "Make a repository. It is encrypted where a passphrase is given or --encrypt asks for one.",
            "mops repo new /mnt/backup/notes",
            "mops repo new /mnt/backup/notes --encrypt",
            "mops repo new s3://backups/notes --key-file /etc/mops/passphrase --label ops") =>
        Use(SharedOptions.RepositoryArgument, SharedOptions.Repository, Encrypt, SharedOptions.KeyFile, Label);

    protected override ExitCode Execute(RunnerContext context)
    {
        var location = context.RepositoryLocation();
        var passphrase = context.Get(SharedOptions.KeyFile) is { } file ? Passphrase.FromFile(file) : Passphrase.FromEnvironment();
        if (passphrase is null && context.Get(Encrypt))
        {
            passphrase = PassphrasePrompt.AskNew($"New passphrase of {location}: ");
        }

        using var repository = new RepositoryAccess(context.Sink, context.Cancellation).Create(location, passphrase, context.Get(Label) ?? "");
        var made = new RepositoryAdministration(repository).Describe();
        context.Output.Outcome(
            made,
            $"Made {(made.Encrypted ? "an encrypted" : "a")} repository at {made.Repository}.",
            made.Encrypted ? "Keep the passphrase in another place as well: without it nothing in here can be read." : "Its content is not encrypted.");
        return ExitCode.Done;
    }
}
