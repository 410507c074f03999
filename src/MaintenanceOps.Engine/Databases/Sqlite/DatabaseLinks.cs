using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>A database behind a symbolic link: SQLite follows it, and keeps the log beside the file that it leads to.</summary>
internal static class DatabaseLinks
{
    /// <summary>The file that a path leads to; the path itself where that cannot be told, since opening it says what is wrong.</summary>
    public static string Target(string path)
    {
        try
        {
            return Links.Target(path);
        }
        catch (MaintenanceException)
        {
            return path;
        }
    }
}
