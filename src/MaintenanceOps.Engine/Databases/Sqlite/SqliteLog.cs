using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// The files that SQLite keeps beside a database, told by what they begin with: a user's file may have such a name too.
/// Formats from https://www.sqlite.org/walformat.html and https://www.sqlite.org/fileformat2.html#the_rollback_journal.
/// </summary>
internal static class SqliteLog
{
    private const int Longest = 8;
    private static readonly byte[] Journal = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    private static readonly byte[][] Logs = [[0x37, 0x7f, 0x06, 0x82], [0x37, 0x7f, 0x06, 0x83]];
    private static readonly byte[] Index = BitConverter.GetBytes(3007000);

    private const int NameTooLong = 36;

    /// <summary>A log beside a database; null where there is none, for the database's name may leave no room for one.</summary>
    public static FileFacts? FactsOf(string path)
    {
        try
        {
            return TreeAccess.Current.Facts(path);
        }
        catch (IOException e) when (e.HResult == NameTooLong)
        {
            return null;
        }
    }

    /// <summary>
    /// Whether a file that is named like the log of a database is one. One that SQLite has emptied, or whose beginning it has
    /// filled with zeros, is too. Nothing but files is opened.
    /// </summary>
    public static bool IsOne(string path)
    {
        if (FactsOf(path) is not { Kind: EntryKind.File } facts)
        {
            return false;
        }

        try
        {
            using var file = TreeAccess.Current.OpenRead(path);
            Span<byte> start = stackalloc byte[Longest];
            start = start[..RandomAccess.Read(file, start, 0)];
            return facts.Size == 0 || start.IndexOfAnyExcept((byte)0) < 0 || HasMark(path, start);
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return true;
        }
    }

    /// <summary>Whether beside a database lies a user's file that is named like its journal.</summary>
    public static bool IsForeignJournal(string database) =>
        FactsOf(database + "-journal") is { Kind: EntryKind.File } && !IsOne(database + "-journal");

    /// <summary>Whether a file that is named like the log of a database begins as one. SQLite passes over one that does not.</summary>
    public static bool HasMark(string path, ReadOnlySpan<byte> start)
    {
        if (path.EndsWith("-journal", StringComparison.Ordinal))
        {
            return start.StartsWith(Journal);
        }

        if (path.EndsWith("-shm", StringComparison.Ordinal))
        {
            return start.StartsWith(Index);
        }

        return start.StartsWith(Logs[0]) || start.StartsWith(Logs[1]);
    }
}
