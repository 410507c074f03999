using MaintenanceOps.Engine.Databases.Sqlite;
using MaintenanceOps.Engine.Snapshots.Keys;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>A repository's folder holds nothing but its own files: what else lay there would be taken for damage.</summary>
internal static class RepositoryPlace
{
    /// <summary>Refuses a folder or file in a repository as the place for something.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static void RefuseAsDestination(Repository repository, string destination)
    {
        if (!repository.Store.IsRemote && IsIn(DatabaseLinks.Target(destination), DatabaseLinks.Target(repository.Location)))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{destination}' lies in the repository '{repository.Location}', which holds nothing but its own files. Give another destination.", destination);
        }
    }

    /// <summary>The repository that a folder lies in; null where it lies in none.</summary>
    public static string? OuterOf(string folder)
    {
        for (var above = Path.GetDirectoryName(DatabaseLinks.Target(folder)); above is not null; above = Path.GetDirectoryName(above))
        {
            if (File.Exists(Path.Combine(above, RepositoryDescription.ObjectName)) && Directory.Exists(Path.Combine(above, "packs")))
            {
                return above;
            }
        }

        return null;
    }

    private static bool IsIn(string path, string folder) =>
        $"{path}{Path.DirectorySeparatorChar}".StartsWith($"{Path.TrimEndingDirectorySeparator(folder)}{Path.DirectorySeparatorChar}", StringComparison.Ordinal);
}
