using MaintenanceOps.Engine.Files;

namespace MaintenanceOps.Engine.Storage;

/// <summary>Whose a file is. Only root can give one away; for anybody else, and on Windows, nothing happens.</summary>
internal static class FileOwner
{
    public static (int User, int Group)? Of(string path) =>
        TreeAccess.Current.Facts(path) is { User: >= 0, Group: >= 0 } facts ? ((int)facts.User, (int)facts.Group) : null;

    public static void Give(string path, (int User, int Group)? owner)
    {
        if (owner is { } o && Environment.IsPrivilegedProcess && TreeAccess.Current.Facts(path) is { } facts)
        {
            FileAttributesCopy.Apply(path, facts with { User = o.User, Group = o.Group }, new AttributeProblems());
        }
    }
}
