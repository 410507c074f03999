using System.CommandLine;

namespace MaintenanceOps.Runner.Commands;

/// <summary>Groups what is done with a repository as a whole.</summary>
internal sealed class RepoCommand : Command
{
    public RepoCommand()
        : base("repo", "Make, describe, check and prune a repository, and manage its passphrases.")
    {
        Subcommands.Add(new RepoNewCommand());
        Subcommands.Add(new RepoInfoCommand());
        Subcommands.Add(new RepoTestCommand());
        Subcommands.Add(new RepoWalCommand());
        Subcommands.Add(new RepoPruneCommand());
        Subcommands.Add(new Command("key", "Add and remove the passphrases that open a repository.")
        {
            new RepoKeyAddCommand(),
            new RepoKeyRemoveCommand(),
        });
    }
}
