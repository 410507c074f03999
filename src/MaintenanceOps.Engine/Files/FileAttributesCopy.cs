namespace MaintenanceOps.Engine.Files;

/// <summary>Gives a new file the permissions and owner of the one that it replaces.</summary>
internal static class FileAttributesCopy
{
    public static void Apply(string from, string to, List<string> warnings)
    {
        var access = TreeAccess.Current;
        if (access.Facts(from) is { } facts && access.Facts(to) is { } own)
        {
            var owner = own.User == facts.User && own.Group == facts.Group ? -1 : facts.User;
            if (access.Apply(to, EntryKind.File, facts.Mode, owner, facts.Group, own.Modified) is { } problem)
            {
                warnings.Add(problem);
            }
        }
    }
}
