using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Postgres;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Logical;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Takes a snapshot of live databases: SQLite files, or PostgreSQL databases and clusters.</summary>
[Cmdlet(VerbsLifecycle.Invoke, "DbBackup", SupportsShouldProcess = true, DefaultParameterSetName = PathSet)]
[OutputType(typeof(Snapshot))]
public sealed class InvokeDbBackupCommand : PathCmdlet
{
    private const string ServerSet = "Server";
    private readonly Dictionary<string, string> taken = new(StringComparer.Ordinal);

    /// <summary>A PostgreSQL server: <c>Host=…;Username=…;Database=…</c> or <c>postgresql://user@host/database</c>.</summary>
    [Parameter(ParameterSetName = ServerSet, Mandatory = true)]
    [ValidateNotNullOrEmpty]
    public string ConnectionString { get; set; } = "";

    /// <summary>Logical dumps databases; Physical takes the whole cluster, page by page.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    public PostgresMethod Method { get; set; } = PostgresMethod.Logical;

    /// <summary>The databases to dump; wildcards are allowed. The connection string's own where it is left out.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    [SupportsWildcards]
    public string[] Database { get; set; } = [];

    /// <summary>Dumps all databases of the server but templates.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    public SwitchParameter AllDatabases { get; set; }

    /// <summary>Writes no errors for databases that were asked for and could not be taken.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    public SwitchParameter AllowIncomplete { get; set; }

    /// <summary>How many programs dump one database at once.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    [ValidateRange(1, 16)]
    public int Parallel { get; set; } = 1;

    /// <summary>The folder of PostgreSQL's own programs.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    [ValidateNotNullOrEmpty]
    public string? ClientPath { get; set; }

    /// <summary>Words in front of those programs, such as <c>docker, compose, exec, -T, db</c>.</summary>
    [Parameter(ParameterSetName = ServerSet)]
    public string[] ClientPrefix { get; set; } = [];

    /// <summary>Leaves out the database's own integrity check.</summary>
    [Parameter]
    public SwitchParameter SkipVerify { get; set; }

    /// <summary>How long a lock of another process is waited for.</summary>
    [Parameter]
    [Duration]
    public TimeSpan? LockTimeout { get; set; }

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        if (ParameterSetName == ServerSet)
        {
            BackUpServer();
            return;
        }

        foreach (var path in ResolvedPaths(out _))
        {
            var source = Source ?? BackupOptions.SourceOf(path);
            if (IsOnlyOne(source, path) && ShouldProcess(path, $"Back up as '{source}' to {LocationOf()}"))
            {
                BackUp(path, source);
            }
        }
    }

    private void BackUpServer()
    {
        string place = "", name = "";
        if (!Run(ConnectionString.Length, _ => (place, name) = PostgresPlace.Of(ConnectionString, Method)))
        {
            return;
        }

        var source = Source ?? name;
        if (!ShouldProcess(place, $"Back up as '{source}' to {LocationOf()}"))
        {
            return;
        }

        var repository = Open(initialize: Initialize);
        var options = new BackupOptions { Source = source, Tags = Tag, SkipVerify = SkipVerify, LockTimeout = LockTimeout, AllowIncomplete = AllowIncomplete };
        var tools = new ClientToolOptions { Path = ClientPath is null ? null : ProviderPaths.Full(this, ClientPath), Prefix = ClientPrefix };
        Snapshot? snapshot = null;
        Run(place, output => output.Write(snapshot = Method == PostgresMethod.Physical
            ? new PostgresBaseBackup(repository, output).Run(ConnectionString, tools, options, output.Cancellation)
            : new PostgresDump(repository, output).Run(ConnectionString, new PostgresDumpOptions { Databases = Database, AllDatabases = AllDatabases, Parallel = Parallel, Tools = tools }, options, output.Cancellation)));
        foreach (var database in AllowIncomplete ? [] : snapshot?.Missing ?? [])
        {
            WriteError(ErrorRecords.MissingDatabase(snapshot!, database));
        }
    }

    private void BackUp(string path, string source)
    {
        var repository = Open(initialize: Initialize);
        var options = new BackupOptions { Source = source, Tags = Tag, SkipVerify = SkipVerify, LockTimeout = LockTimeout };
        Run(path, output => output.Write(new SqliteBackup(repository, output).Run(path, options, output.Cancellation)));
    }

    /// <summary>Two databases under one name would look like one that changes all the time.</summary>
    private bool IsOnlyOne(string source, string path)
    {
        if (taken.TryAdd(source, path) || taken[source] == path)
        {
            return true;
        }

        var problem = new MaintenanceException(
            ErrorCode.InvalidArgument,
            $"'{path}' would be backed up as '{source}', and so was '{taken[source]}'. Give each database a -Source of its own.",
            path);
        WriteError(ErrorRecords.From(problem, path));
        return false;
    }
}
