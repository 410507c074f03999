using System.CommandLine;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Plans;
using MaintenanceOps.Runner.Cli;

namespace MaintenanceOps.Runner.Commands;

/// <summary>Which databases are meant: SQLite files, a PostgreSQL database, or those of a plan.</summary>
internal static class DatabaseOptions
{
    private static readonly Argument<string[]> Paths = new("path") { Description = "SQLite databases, or a plan (.yaml).", Arity = ArgumentArity.ZeroOrMore };
    private static readonly Option<string> ConnectionString = new("--connection-string", "-c") { Description = "A PostgreSQL database: postgresql://user@host/database, Host=…;Username=…, or env:NAME for a variable that holds it. Passwords belong into a .pgpass file.", HelpName = "server" };
    private static readonly Option<string[]> Names = new("--name") { Description = "Which of the plan's databases; * and ? stand for any characters.", HelpName = "name", DefaultValueFactory = _ => [] };
    private static readonly Option<TimeSpan?> LockTimeout = new("--lock-timeout") { Description = "How long a lock of somebody else is waited for. [default: 5s]", HelpName = "duration", CustomParser = Values.Duration };

    public static IEnumerable<Symbol> All => [Paths, ConnectionString, Names, LockTimeout];

    /// <exception cref="MaintenanceException">None is named, or one makes no sense.</exception>
    public static IReadOnlyList<DatabaseTarget> Targets(RunnerContext context)
    {
        var timeout = context.Get(LockTimeout);
        DatabaseTarget[] targets =
        [
            .. context.Get(Paths)!.SelectMany(p => PlanFile.IsNamed(p)
                ? DatabasePlan.Targets(PlanFile.Load(p), context.Get(Names)!, timeout)
                : [new DatabaseTarget { Path = Path.GetFullPath(p), LockTimeout = timeout }]),
            .. Values.FromEnvironment(context.Get(ConnectionString)) is { } server ? new[] { new DatabaseTarget { ConnectionString = server, LockTimeout = timeout } } : [],
        ];
        return targets.Length > 0 ? targets : throw new MaintenanceException(ErrorCode.InvalidArgument, "Give a database's path, a plan, or a server with --connection-string.");
    }
}
