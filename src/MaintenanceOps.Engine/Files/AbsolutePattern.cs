namespace MaintenanceOps.Engine.Files;

/// <summary>
/// A pattern that begins with the path of what is backed up: <c>/srv/data/cache</c> where <c>/srv/data</c> is a root. In a
/// <c>.gitignore</c> a slash in front means the top of the tree, and that meaning stays for all other patterns.
/// </summary>
internal static class AbsolutePattern
{
    /// <summary>The folder below the origin that the pattern names, and the rest of it; null where it names none.</summary>
    public static (string Folder, string Pattern)? Below(string pattern, TreeRoots? roots)
    {
        if (roots is null || !Path.IsPathRooted(pattern))
        {
            return null;
        }

        if (Consume(pattern, roots.Origin) is { } rest)
        {
            return ("", rest);
        }

        foreach (var root in roots.Roots)
        {
            // A link can be meant by the path that it leads to.
            if (Consume(pattern, Path.GetFullPath(root.Real)) is { } below)
            {
                return (root.Path, below);
            }
        }

        return null;
    }

    /// <summary>
    /// What follows the folder in the pattern. The first name has to be the same; a later one may be a pattern, as in
    /// <c>/home/*/.cache</c>.
    /// </summary>
    private static string? Consume(string pattern, string folder)
    {
        var wanted = Names(folder);
        var given = Names(pattern);
        if (wanted.Length == 0 || given.Length <= wanted.Length || given[0] != wanted[0])
        {
            return null;
        }

        for (var i = 1; i < wanted.Length; i++)
        {
            if (given[i] != wanted[i] && (PathPattern.Translate(given[i]) is not { } expression || given[i] == "**" || !PathPattern.Compile(expression).IsMatch(wanted[i])))
            {
                return null;
            }
        }

        return string.Join('/', given[wanted.Length..]);
    }

    private static string[] Names(string path) => path.Split('/', StringSplitOptions.RemoveEmptyEntries);
}
