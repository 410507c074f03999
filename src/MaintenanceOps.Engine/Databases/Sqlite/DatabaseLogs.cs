using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;
using Microsoft.Data.Sqlite;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// The files that SQLite keeps beside a database. They belong to one state of it: beside another one they bring old pages
/// back, and a database without its log lacks what was committed last.
/// </summary>
internal static class DatabaseLogs
{
    /// <summary>No page of a database is smaller, and its size is a multiple of the page's.</summary>
    private const int SmallestPage = 512;

    public static IReadOnlyList<string> Suffixes { get; } = ["-wal", "-shm", "-journal"];

    /// <summary>The database whose log would have this name or path; null where the name is none of a log.</summary>
    public static string? DatabaseOf(string log) =>
        Suffixes.FirstOrDefault(s => log.Length > s.Length && log.EndsWith(s, StringComparison.Ordinal) && log[^(s.Length + 1)] != '/') is { } suffix ? log[..^suffix.Length] : null;

    /// <summary>How a database file begins.</summary>
    public static ReadOnlySpan<byte> Magic => "SQLite format 3\0"u8;

    /// <summary>Whether a file of this size can be a database.</summary>
    public static bool CanBeDatabase(long size) => size > 0 && size % SmallestPage == 0;

    /// <summary>Whether a file that exists is a database.</summary>
    public static bool IsDatabase(FolderHandle folder, string name, PlaceFacts facts)
    {
        if (!CanBeDatabase(facts.Size))
        {
            return false;
        }

        try
        {
            using var file = folder.OpenRead(name);
            Span<byte> begin = stackalloc byte[16];
            return RandomAccess.Read(file, begin, 0) == begin.Length && begin.SequenceEqual(Magic);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            // What cannot be read cannot be kept in a safety snapshot either, which will say so.
            return false;
        }
    }

    /// <summary>
    /// Moves what the logs hold into the database, so that its file is whole without them. A database that is too broken for
    /// that, or that another process reads, is left as it is: the safety snapshot has both.
    /// </summary>
    public static void Settle(string database)
    {
        try
        {
            using var connection = SqliteConnections.OpenAlone(database);
            connection.Execute("PRAGMA busy_timeout = 1000");
            connection.Execute("PRAGMA wal_checkpoint(TRUNCATE)");
        }
        catch (Exception e) when (e is SqliteException or MaintenanceException)
        {
            return;
        }
    }
}
