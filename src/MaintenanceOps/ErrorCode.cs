namespace MaintenanceOps;

/// <summary>
/// The stable name of a failure. It is the PowerShell error id and the <c>code</c> of the runner's JSON; every code has
/// an entry with cause and cure in <c>docs/errors.md</c>. Codes are never renamed and their numbers never reused.
/// </summary>
public enum ErrorCode
{
    /// <summary>A failure that no other code names; the message and the inner exception say what happened.</summary>
    Unexpected = 0,

    /// <summary>An argument cannot be used: it contradicts another one, or its value makes no sense.</summary>
    InvalidArgument = 1,

    /// <summary>A path does not exist.</summary>
    PathNotFound = 2,

    /// <summary>The operating system refused access to a file, folder or object.</summary>
    AccessDenied = 3,

    /// <summary>A volume has too little free space, or ran out of it.</summary>
    DiskFull = 4,

    /// <summary>Reading or writing failed for another reason than space or rights.</summary>
    InputOutput = 5,

    /// <summary>There is no repository at the location. <c>New-SnapshotRepository</c> makes one.</summary>
    RepositoryNotFound = 10,

    /// <summary>A repository, or something else, is already at the location.</summary>
    RepositoryExists = 11,

    /// <summary>The repository's own description is damaged in all its copies.</summary>
    RepositoryDamaged = 12,

    /// <summary>The repository was written by a newer version of the format.</summary>
    RepositoryTooNew = 13,

    /// <summary>Another operation holds the lease that this one needs.</summary>
    RepositoryLocked = 14,

    /// <summary>This operation's lease ended before its work did, so it stopped.</summary>
    LeaseLost = 15,

    /// <summary>The repository is encrypted and no passphrase was given.</summary>
    PassphraseRequired = 16,

    /// <summary>No key of the repository opens with the given passphrase.</summary>
    PassphraseWrong = 17,

    /// <summary>The key to remove does not exist, or is the last one.</summary>
    KeyNotRemovable = 18,

    /// <summary>The object store (a folder or an S3 bucket) could not be reached or answered with an error.</summary>
    StoreUnavailable = 19,

    /// <summary>No snapshot has the id, or nothing matches.</summary>
    SnapshotNotFound = 20,

    /// <summary>The beginning of an id fits more than one snapshot.</summary>
    SnapshotAmbiguous = 21,

    /// <summary>A snapshot needs an object that is missing or damaged.</summary>
    SnapshotDamaged = 22,

    /// <summary>The operation does not fit the snapshot's kind, such as a table of a folder.</summary>
    SnapshotKindMismatch = 23,

    /// <summary>The item is not in the snapshot.</summary>
    ItemNotFound = 24,

    /// <summary>What was restored or written differs from what was recorded.</summary>
    VerificationFailed = 25,

    /// <summary>A part of the source could not be read, so it is not in the snapshot.</summary>
    SnapshotIncomplete = 26,

    /// <summary>A snapshot that may be newer than the newest readable one cannot be read, so nobody knows which is the latest.</summary>
    LatestUnreadable = 27,

    /// <summary>A drill cannot be made here, which says nothing about the snapshot.</summary>
    DrillNotPossible = 28,

    /// <summary>The file is not a SQLite database, or it is encrypted by an extension.</summary>
    NotADatabase = 30,

    /// <summary>The database fails its own integrity check, so no snapshot of it is taken.</summary>
    DatabaseCorrupt = 31,

    /// <summary>Another process holds the database's lock for longer than the time-out.</summary>
    DatabaseBusy = 32,

    /// <summary>The database file has no content.</summary>
    DatabaseEmpty = 33,

    /// <summary>The database engine reported another error.</summary>
    DatabaseError = 34,

    /// <summary>A database server could not be reached, or refused the user.</summary>
    ServerUnavailable = 35,

    /// <summary>A server's client program, such as <c>pg_dump</c>, was not found, or is older than the server.</summary>
    ClientToolUnfit = 36,

    /// <summary>A server's client program failed, or what it wrote is not whole.</summary>
    ClientToolFailed = 37,

    /// <summary>A log file belongs to another cluster, or the archive holds other content under its name.</summary>
    WalConflict = 38,

    /// <summary>A part of the log that is needed is not in the archive.</summary>
    WalMissing = 39,

    /// <summary>The restore's destination, or a file to write, exists or is in use, and <c>-Force</c> was not given.</summary>
    DestinationInUse = 40,

    /// <summary>An entry of the snapshot would be written outside the destination.</summary>
    DestinationEscaped = 41,

    /// <summary>A mounted file or folder stands where the restore has to put another one.</summary>
    MountInTheWay = 42,

    /// <summary>Some objects could not be restored, and <c>-Strict</c> asked for all or nothing.</summary>
    RestoreIncomplete = 43,

    /// <summary>An empty retention policy would remove everything, so it is refused.</summary>
    RetentionPolicyEmpty = 50,

    /// <summary>Retention stopped because the newest snapshot or the clock looks wrong.</summary>
    RetentionSuspicious = 51,

    /// <summary>Snapshots that others name are not listed, so nothing is removed: the listing may be cut.</summary>
    SnapshotsMissing = 52,

    /// <summary>The operation was cancelled.</summary>
    Cancelled = 60,

    /// <summary>A plan cannot be read, or says something that makes no sense.</summary>
    PlanInvalid = 70,

    /// <summary>Something did not become healthy, or did not fall quiet, in the time that it was given.</summary>
    NotHealthy = 71,

    /// <summary>The source changed while it was read in a way that leaves no consistent state.</summary>
    SourceChanged = 80,
}
