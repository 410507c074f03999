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
            ? facts is null ? null : facts with { Mode = found.Mode & Permissions, User = found.User, Group = found.Group, Attributes = AttributesOf(DatabaseLinks.Target(file)) }
            : facts;

    private static Dictionary<string, byte[]>? AttributesOf(string file)
    {
        var kept = TreeAccess.Current.Attributes(file, (_, _) => { }).Where(a => IsGivenBack(a.Name)).ToDictionary(a => a.Name, a => a.Value);
        return kept.Count > 0 ? kept : null;
    }

    /// <summary>What users and programs put there. Capabilities and labels are for the system to give.</summary>
    private static bool IsGivenBack(string name) => name == LinuxAttributeWriter.AccessList || name.StartsWith("user.", StringComparison.Ordinal);

    /// <summary>Gives a file the recorded owner and mode; without any recorded it stays private to its maker.</summary>
    public static void Give(string file, SqliteFacts? facts, List<string> warnings)
    {
        if (OperatingSystem.IsWindows() || facts is not { Mode: { } mode, User: >= 0 and < int.MaxValue and var user, Group: >= 0 and < int.MaxValue and var group })
        {
            return;
        }

        var problems = new AttributeProblems();
        ExtendedAttribute[] attributes = [.. (facts.Attributes ?? []).Where(a => a.Value is not null && IsGivenBack(a.Key)).Select(a => new ExtendedAttribute(a.Key, a.Value))];
        FileAttributesCopy.ForgetInherited(file);
        FileAttributesCopy.Apply(file, TreeAccess.Current.Facts(file)!.Value with { Mode = mode & Permissions, User = -1 }, problems, attributes);
        warnings.AddRange(problems.Tell());
        FileOwner.Give(file, ((int)user, (int)group));
        if (TreeAccess.Current.Facts(file) is { } own && (own.User, own.Group) != (user, group))
        {
            warnings.Add($"The database belonged to user {user} and group {group}; only root can give it back to them.");
        }
    }
}
