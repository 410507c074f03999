using System.Text;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>Reads the configuration of a restored cluster as a server would that is started on it, with all files that are included.</summary>
/// <param name="folder">The cluster, where it is now.</param>
/// <param name="destination">Where it will be.</param>
internal sealed class SettingFiles(string folder, string destination)
{
    /// <summary>The server refuses to go deeper.</summary>
    private const int MaxDepth = 10;

    /// <summary>A larger file holds no settings that somebody wrote.</summary>
    private const int MaxBytes = 1 << 20;

    /// <summary>All lines, in the order in which they count: the later one wins.</summary>
    public List<SettingLine> Read() => [.. ReadFile(Path.Combine(folder, "postgresql.conf"), 0), .. ReadFile(Path.Combine(folder, "postgresql.auto.conf"), 0)];

    /// <summary>Where a path can be looked at now that the server will see at the destination.</summary>
    /// <param name="path">The path.</param>
    /// <param name="from">The file that names it: a relative path begins at its folder.</param>
    public string Locate(string path, string from)
    {
        var full = Path.GetFullPath(path, Path.GetDirectoryName(from)!);
        return IsBelow(full, destination) ? Path.Join(folder, full[destination.Length..]) : full;
    }

    /// <summary>Whether a located path belongs to the cluster.</summary>
    public bool IsInside(string located) => IsBelow(located, folder);

    /// <summary>A file of the cluster by its path in it; any other by its whole path.</summary>
    public string Describe(string located) => IsInside(located) ? Path.GetRelativePath(folder, located) : located;

    private static bool IsBelow(string path, string folder) => path.Length > folder.Length && path.StartsWith(folder, StringComparison.Ordinal) && path[folder.Length] == Path.DirectorySeparatorChar;

    private IEnumerable<SettingLine> ReadFile(string path, int depth)
    {
        foreach (var line in Lines(path).Select((text, number) => SettingLine.Parse(path, number, text)).OfType<SettingLine>())
        {
            yield return line;
            foreach (var inner in depth < MaxDepth ? Included(line).SelectMany(f => ReadFile(f, depth + 1)) : [])
            {
                yield return inner;
            }
        }
    }

    private IEnumerable<string> Included(SettingLine line) => line.Name switch
    {
        "include" or "include_if_exists" => [Locate(line.Value, line.File)],
        "include_dir" when Locate(line.Value, line.File) is var included && Directory.Exists(included) =>
            Directory.EnumerateFiles(included, "*.conf").Where(f => Path.GetFileName(f)[0] != '.').Order(StringComparer.Ordinal),
        _ => [],
    };

    /// <summary>Nothing of a file that cannot be read, or that may have no end.</summary>
    private static string[] Lines(string path)
    {
        try
        {
            return File.Exists(path) && new FileInfo(path).Length is > 0 and <= MaxBytes ? File.ReadAllLines(path, Encoding.Latin1) : [];
        }
        catch (Exception e) when (IoErrors.IsKnown(e))
        {
            return [];
        }
    }
}
