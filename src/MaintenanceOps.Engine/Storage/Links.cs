namespace MaintenanceOps.Engine.Storage;

/// <summary>Symbolic links.</summary>
internal static class Links
{
    /// <summary>Where a path leads to in the end; the path itself where it is no link, or nothing is there.</summary>
    /// <exception cref="MaintenanceException">The link cannot be followed.</exception>
    public static string Target(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return path;
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            throw IoErrors.Wrap(e, "follow", path);
        }
    }
}
