namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>Where SQLite keeps a copy while it rewrites: not beside the database (https://www.sqlite.org/tempfiles.html#temporary_file_storage_locations).</summary>
internal static class TemporaryFolder
{
    public static string OfSqlite()
    {
        if (OperatingSystem.IsWindows())
        {
            return Path.GetTempPath();
        }

        string?[] folders = [Environment.GetEnvironmentVariable("SQLITE_TMPDIR"), Environment.GetEnvironmentVariable("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp"];
        return Array.Find(folders, f => !string.IsNullOrEmpty(f) && Directory.Exists(f)) ?? ".";
    }
}
