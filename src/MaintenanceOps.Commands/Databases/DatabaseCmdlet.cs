using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Upkeep;
using MaintenanceOps.Engine.Plans;

namespace MaintenanceOps.Commands.Databases;

/// <summary>A cmdlet that takes databases: SQLite files, a PostgreSQL database, or those of a plan.</summary>
public abstract class DatabaseCmdlet : EngineCmdlet
{
    private protected const string PathSet = "Path";
    private protected const string LiteralPathSet = "LiteralPath";
    private protected const string ServerSet = "Server";
    private protected const string PlanSet = "Plan";

    /// <summary>SQLite databases; wildcards are allowed.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, Position = 0, ValueFromPipeline = true)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public virtual PathArgument[] Path { get; set; } = [];

    /// <summary>SQLite databases, taken as they are.</summary>
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Alias("PSPath")]
    [ValidateNotNullOrEmpty]
    public string[] LiteralPath { get; set; } = [];

    /// <summary>A PostgreSQL database: <c>Host=…;Username=…;Database=…</c> or <c>postgresql://user@host/database</c>.</summary>
    [Parameter(ParameterSetName = ServerSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string ConnectionString { get; set; } = "";

    /// <summary>User and password of PostgreSQL, where the connection string has none.</summary>
    [Parameter]
    [Credential]
    public PSCredential? Credential { get; set; }

    /// <summary>A plan whose databases are meant.</summary>
    [Parameter(ParameterSetName = PlanSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string Plan { get; set; } = "";

    /// <summary>Which of the plan's databases; wildcards are allowed.</summary>
    [Parameter(ParameterSetName = PlanSet)]
    [SupportsWildcards]
    [ValidateNotNullOrEmpty]
    public string[] Name { get; set; } = [];

    /// <summary>How long a lock of somebody else is waited for.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? LockTimeout { get; set; }

    /// <summary>The databases that the current input names.</summary>
    private protected IReadOnlyList<DatabaseTarget> Targets()
    {
        switch (ParameterSetName)
        {
            case ServerSet:
                return [new DatabaseTarget { ConnectionString = ConnectionString, Credential = Credential?.GetNetworkCredential(), LockTimeout = LockTimeout }];
            case PlanSet:
                var plan = ProviderPaths.Full(this, Plan);
                return Require(plan, _ => DatabasePlan.Targets(PlanFile.Load(plan), Name, LockTimeout));
            default:
                var paths = ParameterSetName == LiteralPathSet ? LiteralPath.Select(p => (Text: p, Literal: true)) : Path.Select(p => (p.Text, p.IsLiteral));
                return [.. ProviderPaths.Existing(this, paths, out _).Select(p => new DatabaseTarget { Path = p, LockTimeout = LockTimeout })];
        }
    }

    /// <summary>Does work for one database; a failure becomes an error record that names it, and never the connection string.</summary>
    private protected bool Run(DatabaseTarget target, Action<OperationOutput> work) =>
        PlaceOf(target) is { } place && Run((object)place, work);

    /// <summary>The database in words; null after an error record, where its connection string cannot be read.</summary>
    private protected string? PlaceOf(DatabaseTarget target)
    {
        try
        {
            return DatabaseUpkeep.PlaceOf(target);
        }
        catch (MaintenanceException e)
        {
            WriteError(ErrorRecords.From(e, null));
            return null;
        }
    }
}
