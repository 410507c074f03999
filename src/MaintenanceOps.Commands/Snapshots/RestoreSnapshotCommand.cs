using System.Collections;
using System.Management.Automation;
using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands.Snapshots;

/// <summary>Restores snapshots or parts of them: to a new place, in place, or one table into a live database.</summary>
[Cmdlet(VerbsData.Restore, "Snapshot", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RestoreResult))]
public sealed class RestoreSnapshotCommand : SnapshotCmdlet
{
    private readonly RestoreQueue queue = new();

    /// <summary>Where to: a path. A folder that exists, or a path that ends in a separator, takes the database's file.</summary>
    [Parameter(Position = 1)]
    [ValidateNotNullOrEmpty]
    public string? Destination { get; set; }

    /// <summary>Replaces the state where the snapshot came from, or at the destination, as a transaction.</summary>
    [Parameter]
    public SwitchParameter InPlace { get; set; }

    /// <summary>Paths inside a files snapshot; <c>*</c> within a name, <c>**</c> across folders.</summary>
    [Parameter]
    [SupportsWildcards]
    public string[] Include { get; set; } = [];

    /// <summary>Exact paths or tables, as the objects of Get-SnapshotItem bring them.</summary>
    [Parameter(ValueFromPipelineByPropertyName = true)]
    [Alias("Path")]
    public string[] Item { get; set; } = [];

    /// <summary>Of a PostgreSQL snapshot: the database to restore, or to take a table out of.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Database { get; set; }

    /// <summary>The one table to restore into a live database.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Table { get; set; }

    /// <summary>Of a PostgreSQL database: the one schema to restore into a live one.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Schema { get; set; }

    /// <summary>The name that the table, schema or database gets.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? As { get; set; }

    /// <summary>Of a PostgreSQL cluster: recover from the log archive to a moment, a place in the log, a transaction, a restore point, or latest.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? PointInTime { get; set; }

    /// <summary>The timeline that the recovery goes along: latest, current (that of the base backup) or a number.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? TargetTimeline { get; set; }

    /// <summary>The command that brings files of the log; <c>mops wal-fetch</c> where it is left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? RestoreCommand { get; set; }

    /// <summary>Of a PostgreSQL cluster: places for its tablespaces, by those that they had: @{ '/mnt/fast' = '/mnt/new' }.</summary>
    [Parameter]
    public Hashtable TablespaceMapping { get; set; } = [];

    /// <summary>The live server to restore into; without it dumps are written as files, and a cluster as a data directory.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ConnectionString { get; set; }

    /// <summary>The folder of PostgreSQL's own programs.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ClientPath { get; set; }

    /// <summary>Words in front of those programs, such as <c>docker, compose, exec, -T, db</c>.</summary>
    [Parameter]
    public string[] ClientPrefix { get; set; } = [];

    /// <summary>How many programs play a dump back at once.</summary>
    [Parameter]
    [ValidateRange(1, 16)]
    public int Parallel { get; set; } = 1;

    /// <summary>Where files go that are needed only on the way; the system's temporary folder where it is left out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? ScratchPath { get; set; }

    /// <summary>Lets <c>latest</c> mean the newest snapshot that is complete and was checked or restored.</summary>
    [Parameter]
    public SwitchParameter Verified { get; set; }

    /// <summary>Brings back everything or nothing: an object that cannot be restored undoes the restore.</summary>
    [Parameter]
    public SwitchParameter Strict { get; set; }

    /// <summary>Goes on where the destination exists or is in use.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Leaves out the snapshot of the state that is replaced.</summary>
    [Parameter]
    public SwitchParameter NoSafetySnapshot { get; set; }

    private protected override RecoveryTarget? Recovery => PointInTime is null ? null : RecoveryTarget.Parse(PointInTime, TargetTimeline);

    private protected override LatestRule Latest(string? source) => new() { Source = source, Verified = Verified };

    /// <inheritdoc/>
    protected override void ProcessRecord()
    {
        // Items come one by one; they are gathered, so that a snapshot is restored once with all of them.
        if (Item.Length > 0)
        {
            queue.Add(LocationOf(Snapshot.Repository), Snapshot, Item);
        }
        else
        {
            base.ProcessRecord();
        }
    }

    /// <inheritdoc/>
    protected override void EndProcessing()
    {
        foreach (var (location, reference, items) in queue.Entries)
        {
            var repository = Open(location, Passphrase, KeyFile, initialize: false);
            if (Find(repository, reference, Source) is { } snapshot)
            {
                Restore(repository, snapshot, items);
            }
        }
    }

    private protected override void Process(Repository repository, Snapshot snapshot) => Restore(repository, snapshot, []);

    private void Restore(Repository repository, Snapshot snapshot, IReadOnlyCollection<string> items)
    {
        IReadOnlyList<RestoreOptions> all = [];
        if (!Run(snapshot, _ => all = [.. OptionsFor(snapshot, items)]))
        {
            return;
        }

        foreach (var options in all)
        {
            var plan = new RestorePlan(snapshot, options);
            if (!queue.IsFirst(plan.Target))
            {
                WriteError(ErrorRecords.From(plan.Twice(), snapshot));
                continue;
            }

            RestoreResult? dry = null;
            var restore = new Func<OperationOutput, RestoreOptions, RestoreResult>((output, what) => new SnapshotRestore(repository, output).Run(snapshot, what, output.Cancellation));
            if (IsWhatIf && !Run(snapshot, output => dry = restore(output, options with { DryRun = true })))
            {
                continue;
            }

            if (ShouldProcess(plan.Target, plan.Describe(dry), InPlace || Force ? ConfirmImpact.High : ConfirmImpact.Medium))
            {
                Run(snapshot, output => Write(output, restore(output, options)));
            }
        }
    }

    private static void Write(OperationOutput output, RestoreResult result)
    {
        if (result.Unrestored.Count > 0)
        {
            output.Warn($"{result.Unrestored.Count} objects were not restored to {result.Destination}, such as {result.Unrestored[0]}. The property Unrestored lists them with their statements.");
        }

        output.Write(result);
    }

    /// <summary>One restore, or one for each table that was picked from a database.</summary>
    private IEnumerable<RestoreOptions> OptionsFor(Snapshot snapshot, IReadOnlyCollection<string> items)
    {
        var options = new RestoreOptions
        {
            Destination = Destination is null ? null : ConnectionString is not null ? Destination : RestorePlan.PlaceOf(snapshot, ProviderPaths.Full(this, Destination), Destination),
            InPlace = InPlace,
            Force = Force,
            Strict = Strict,
            Include = Include,
            Database = Database,
            Table = Table,
            Schema = Schema,
            As = As,
            Parallel = Parallel,
            ScratchFolder = ScratchPath is null ? null : ProviderPaths.Full(this, ScratchPath),
            TablespaceMapping = TablespaceMapping.Cast<DictionaryEntry>().ToDictionary(e => $"{e.Key}", e => ProviderPaths.Full(this, $"{e.Value}")),
            NoSafetySnapshot = NoSafetySnapshot,
            Recovery = Recovery,
            RestoreCommand = RestoreCommand,
            ConnectionString = ConnectionString,
            Tools = new ClientToolOptions { Path = ClientPath is null ? null : ProviderPaths.Full(this, ClientPath), Prefix = ClientPrefix },
        };
        var areTables = snapshot.Kind == SnapshotKind.Sqlite || ConnectionString is not null;
        return areTables && items.Count > 0
            ? items.Select(table => options with { Table = WithoutDatabase(table) })
            : [options with { Items = items }];
    }

    /// <summary>Of several databases an item has its database in front, which <c>-Database</c> says already.</summary>
    private string WithoutDatabase(string table) =>
        Database is { } name && table.StartsWith(name + ".", StringComparison.Ordinal) ? table[(name.Length + 1)..] : table;
}
