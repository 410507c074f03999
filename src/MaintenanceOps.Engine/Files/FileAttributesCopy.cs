namespace MaintenanceOps.Engine.Files;

/// <summary>Gives a new file the permissions and owner of the one that it replaces.</summary>
internal static class FileAttributesCopy
{
    public static void Apply(string from, string to, List<string> warnings)
    {
        var access = TreeAccess.Current;
        if (access.Facts(from) is { } facts && access.Facts(to) is { } own)
        {
            var problems = new AttributeProblems();
            var isOwned = own.User == facts.User && own.Group == facts.Group;
            Apply(to, facts with { User = isOwned ? -1 : facts.User, Modified = own.Modified }, problems);
            warnings.AddRange(problems.Tell());
        }
    }

    /// <summary>Gives a file or folder owner, permissions and time: through its folder, so that no link is followed at its name.</summary>
    public static void Apply(string path, FileFacts facts, AttributeProblems problems)
    {
        using var folder = TreeAccess.Current.OpenFolder(Path.GetDirectoryName(path)!);
        var entry = new FileEntry { Path = path, Kind = facts.Kind, Mode = facts.Mode, User = facts.User, Group = facts.Group, Modified = facts.Modified };
        folder.ApplyExisting(Path.GetFileName(path), entry, problems);
    }
}
