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
            var attributes = access.Attributes(from, (name, why) => problems.Add($"attribute {name}", from, why));
            ForgetInherited(to);
            Apply(to, facts with { User = isOwned ? -1 : facts.User, Modified = own.Modified }, problems, attributes, shown: from);
            warnings.AddRange(problems.Tell());
        }
    }

    /// <summary>Takes away the access control list that a new file has from its folder.</summary>
    public static void ForgetInherited(string path)
    {
        if (OperatingSystem.IsLinux())
        {
            using var file = TreeAccess.Current.OpenRead(path);
            LinuxAttributeWriter.RemoveAccessList(file);
        }
    }

    /// <summary>Gives a file or folder owner, permissions, time and attributes: through its folder, so that no link is followed at its name.</summary>
    public static void Apply(string path, FileFacts facts, AttributeProblems problems, IReadOnlyList<ExtendedAttribute>? attributes = null, string? shown = null)
    {
        using var folder = TreeAccess.Current.OpenFolder(Path.GetDirectoryName(path)!);
        var entry = new FileEntry { Path = shown ?? path, Kind = facts.Kind, Mode = facts.Mode, User = facts.User, Group = facts.Group, Modified = facts.Modified, Attributes = attributes ?? [] };
        folder.ApplyExisting(Path.GetFileName(path), entry, problems);
    }
}
