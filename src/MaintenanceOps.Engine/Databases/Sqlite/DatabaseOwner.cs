using MaintenanceOps.Engine.Files;
using MaintenanceOps.Engine.Snapshots.Format;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>Whose a database file is and who may read it: written down with a snapshot, and given back to a file that was deleted.</summary>
internal static class DatabaseOwner
{
    /// <summary>Permissions only: no restored database runs as somebody.</summary>
    private const int Permissions = 0x1ff;

    /// <summary>The facts with the owner and mode of the file; as they are where the system has none.</summary>
    public static SqliteFacts? Record(SqliteFacts? facts, string file) =>
        TreeAccess.Current.Facts(DatabaseLinks.Target(file)) is { Mode: >= 0, User: >= 0, Group: >= 0 } found
            ? facts is null ? null : facts with { Mode = found.Mode & Permissions, User = found.User, Group = found.Group }
            : facts;

    /// <summary>Gives a file the recorded owner and mode; without any recorded it stays private to its maker.</summary>
    public static void Give(string file, SqliteFacts? facts, List<string> warnings)
    {
        if (OperatingSystem.IsWindows() || facts is not { Mode: { } mode, User: >= 0 and < int.MaxValue and var user, Group: >= 0 and < int.MaxValue and var group })
        {
            return;
        }

        FileOwner.Give(file, ((int)user, (int)group));
        File.SetUnixFileMode(file, (UnixFileMode)(mode & Permissions));
        if (TreeAccess.Current.Facts(file) is { } own && (own.User, own.Group) != (user, group))
        {
            warnings.Add($"'{file}' belonged to user {user} and group {group}; only root can give it back to them.");
        }
    }
}
