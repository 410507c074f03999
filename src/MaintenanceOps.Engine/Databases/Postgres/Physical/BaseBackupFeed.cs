using MaintenanceOps.Engine.Snapshots.Format;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>One archive of a base backup.</summary>
/// <param name="Tablespace">The tablespace's number and place; null for the data directory itself.</param>
/// <param name="Content">A tar file, to be read to its end before the next archive.</param>
internal sealed record BaseBackupArchive(TablespaceFacts? Tablespace, Stream Content);

/// <summary>A base backup as it comes from the server: its archives one after the other, and its list of all files.</summary>
internal interface IBaseBackupFeed : IDisposable
{
    /// <summary>The archives; when the last one has been read, the server has said that the backup is whole.</summary>
    IEnumerable<BaseBackupArchive> Archives();

    /// <summary>The tablespaces of which archives came: one that was dropped meanwhile has none, one that was made meanwhile may have one.</summary>
    IReadOnlyCollection<TablespaceFacts> Tablespaces { get; }

    /// <summary>The server's list, where it comes beside the archives; null where it is a member of one.</summary>
    byte[]? List { get; }

    /// <summary>Throws what ended the backup, where the feed knows it: the broken archive is only what came of that.</summary>
    void ThrowIfFailed();
}
