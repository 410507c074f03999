using System.CommandLine;

namespace MaintenanceOps.Runner.Commands;

/// <summary>Groups what looks at databases.</summary>
internal sealed class DatabaseCommand : Command
{
    public DatabaseCommand()
        : base("database", "Look at databases, and check their content.")
    {
        Subcommands.Add(new DatabaseHealthCommand());
        Subcommands.Add(new DatabaseTestCommand());
    }
}
