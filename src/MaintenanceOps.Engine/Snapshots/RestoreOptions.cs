using MaintenanceOps.Engine.Databases.Postgres.Client;
using MaintenanceOps.Engine.Databases.Postgres.Physical;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>What to restore and where to.</summary>
public sealed record RestoreOptions
{
    /// <summary>Where to: a path. Null together with <see cref="InPlace"/> means where the snapshot came from.</summary>
    public string? Destination { get; init; }

    /// <summary>Replaces the state at the destination, as a transaction, instead of writing beside it.</summary>
    public bool InPlace { get; init; }

    /// <summary>Goes on where the destination exists or is in use.</summary>
    public bool Force { get; init; }

    /// <summary>Paths inside a files snapshot; <c>*</c> within a name, <c>**</c> across folders. Empty means everything.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>Paths inside a files snapshot that stay out, written as in <see cref="Include"/>.</summary>
    internal IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Exact paths of a files snapshot as <see cref="SnapshotItem.Path"/> tells them. Empty means everything.</summary>
    public IReadOnlyCollection<string> Items { get; init; } = [];

    /// <summary>Of a PostgreSQL snapshot: the one database to restore; null takes the only one.</summary>
    public string? Database { get; init; }

    /// <summary>The one table to restore into a live database; null restores the whole database.</summary>
    public string? Table { get; init; }

    /// <summary>Of a PostgreSQL database: the one schema to restore into a live one.</summary>
    public string? Schema { get; init; }

    /// <summary>How many programs play a dump back at once.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>Where files go that are needed only on the way; the system's temporary folder where it is null.</summary>
    public string? ScratchFolder { get; init; }

    /// <summary>The name that the table, schema or database gets; null keeps its own.</summary>
    public string? As { get; init; }

    /// <summary>Of a PostgreSQL cluster: how far to recover from the log archive; null stays at the base backup.</summary>
    public RecoveryTarget? Recovery { get; init; }

    /// <summary>The command that brings files of the log, with <c>%f</c> and <c>%p</c>; null runs <c>mops wal-fetch</c>.</summary>
    public string? RestoreCommand { get; init; }

    /// <summary>Of a PostgreSQL cluster: other places for its tablespaces, by the place that each had on the server.</summary>
    public IReadOnlyDictionary<string, string> TablespaceMapping { get; init; } = new Dictionary<string, string>();

    /// <summary>Of dumped databases: the server to restore into; null writes the dumps as files.</summary>
    public string? ConnectionString { get; init; }

    /// <summary>Where PostgreSQL's own programs are.</summary>
    public ClientToolOptions Tools { get; init; } = new();

    /// <summary>Brings back everything or nothing: an object that cannot be restored undoes the restore.</summary>
    public bool Strict { get; init; }

    /// <summary>Leaves out the snapshot of the state that is replaced.</summary>
    public bool NoSafetySnapshot { get; init; }

    /// <summary>Tells what would be written, and writes nothing.</summary>
    public bool DryRun { get; init; }
}
