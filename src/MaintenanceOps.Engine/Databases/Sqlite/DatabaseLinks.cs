using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Sqlite;

/// <summary>
/// A database behind symbolic links. SQLite follows them and keeps the log beside the file that they lead to, so that
/// file is what is opened, looked at and replaced. The path that the user gave stays the name of the database.
/// </summary>
internal static class DatabaseLinks
{
    /// <summary>As many as Linux follows.</summary>
    private const int MaxLinks = 40;

    /// <summary>
    /// The absolute form of a path. Where <c>..</c> follows a link, the system goes up from what the link leads to, and
    /// the text alone would name another file.
    /// </summary>
    public static string Full(string path)
    {
        var full = Path.GetFullPath(path);
        if (OperatingSystem.IsWindows() || !path.Contains("..", StringComparison.Ordinal))
        {
            return full;
        }

        var real = Resolve(Path.IsPathRooted(path) ? path : Path.Combine(Environment.CurrentDirectory, path));
        return real == Resolve(full) ? full : real;
    }

    /// <summary>The file that a path leads to; the path itself where that cannot be told, since opening it says what is wrong.</summary>
    public static string Target(string path)
    {
        try
        {
            return Follow(path);
        }
        catch (MaintenanceException)
        {
            return path;
        }
    }

    /// <summary>
    /// The path with every link in it replaced by what it leads to, folders included. The last part, or more of them,
    /// need not exist.
    /// </summary>
    /// <exception cref="MaintenanceException">
    /// <see cref="ErrorCode.PathNotFound"/>: the links lead in a circle, or to a name that cannot be read;
    /// <see cref="ErrorCode.AccessDenied"/>: one of them may not be read.
    /// </exception>
    public static string Follow(string path)
    {
        var full = Path.GetFullPath(path);
        var followed = Resolve(full);

        // The system's own answer decides: a name that .NET cannot express would lead to another file.
        if (FileIdentity.Of(full) != FileIdentity.Of(followed))
        {
            throw new MaintenanceException(ErrorCode.PathNotFound, $"The link '{path}' leads to '{followed}' by its text and to another file by the system. Give the path of the file itself.", path);
        }

        return followed;
    }

    /// <summary>The link in a path, itself or a folder, that leads to nothing; null where there is none.</summary>
    public static string? Dangling(string path)
    {
        for (var part = path; part is not null; part = Path.GetDirectoryName(part))
        {
            // .NET says of such a link that it exists, so what it leads to is asked.
            if (LinkAt(part, path) is not null && Resolve(part) is var target && !File.Exists(target) && !Directory.Exists(target))
            {
                return part;
            }
        }

        return null;
    }

    private static string Resolve(string full)
    {
        var root = Path.GetPathRoot(full)!;
        var done = root;
        var rest = new Stack<string>(Parts(full[root.Length..]).Reverse());
        for (var links = 0; rest.TryPop(out var part);)
        {
            if (part is "..")
            {
                done = Path.GetDirectoryName(done) ?? root;
                continue;
            }

            var next = Path.Combine(done, part);
            if (LinkAt(next, full) is not { } target)
            {
                done = next;
                continue;
            }

            if (++links > MaxLinks)
            {
                throw new MaintenanceException(ErrorCode.PathNotFound, $"'{full}' cannot be followed: '{next}' is one of more than {MaxLinks} links, which lead in a circle. Make the link anew.", full);
            }

            if (Path.IsPathRooted(target))
            {
                done = Path.GetPathRoot(target)!;
                target = target[done.Length..];
            }

            foreach (var step in Parts(target).Reverse())
            {
                rest.Push(step);
            }
        }

        return done;
    }

    private static IEnumerable<string> Parts(string path) =>
        path.Split([Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar], StringSplitOptions.RemoveEmptyEntries).Where(p => p != ".");

    private static string? LinkAt(string path, string whole)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "follow", whole);
        }
    }
}
