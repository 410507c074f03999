using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// Which files a path leads to: the database, its log and the log's index. SQLite finds all three by name, so somebody
/// who renames another database over the path can make a connection pair the file of one with the log of the other.
/// Looking at them opens nothing.
/// </summary>
/// <param name="Target">The database file, where the path is a link.</param>
/// <param name="Database">The database file; null where there is none.</param>
/// <param name="Log">The write-ahead log; null where there is none.</param>
/// <param name="Index">The log's index; null where there is none.</param>
internal sealed record SourceFiles(string Target, FileFacts? Database, FileFacts? Log, FileFacts? Index)
{
    /// <exception cref="MaintenanceException">They cannot be looked at.</exception>
    public static SourceFiles Of(string path)
    {
        try
        {
            var target = DatabaseLinks.Target(path);
            return new SourceFiles(target, TreeAccess.Current.Facts(target), SqliteLog.FactsOf(target + "-wal"), SqliteLog.FactsOf(target + "-shm"));
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "look at", path);
        }
    }

    /// <summary>What was exchanged between this look and a later one; null where nothing was. New logs are nothing odd.</summary>
    public string? Exchanged(SourceFiles later) =>
        Target != later.Target ? "the link leads to another file"
        : !IsSame(Database, later.Database) ? "the file was replaced"
        : Log is not null && !IsSame(Log, later.Log) ? "the write-ahead log was replaced or removed"
        : Index is not null && !IsSame(Index, later.Index) ? "the index of the write-ahead log was replaced or removed"
        : null;

    private static bool IsSame(FileFacts? one, FileFacts? other) =>
        one is { } a && other is { } b && a.Inode == b.Inode && a.Device == b.Device;
}
