using System.Text;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>
/// Paths in the settings of a restored cluster that lead out of it, and so to the original's files. The data directory's is taken
/// out. Others are often right and stay, but are told.
/// </summary>
/// <param name="folder">The cluster, where it is now.</param>
/// <param name="destination">Where it will be.</param>
/// <param name="takesOver">Whether it replaces the original, whose files are then its own.</param>
internal sealed class OriginalPaths(string folder, string destination, bool takesOver)
{
    private const string DataDirectory = "data_directory";

    private readonly SettingFiles files = new(folder, destination);

    /// <summary>The files that were changed.</summary>
    public List<string> Changed { get; } = [];

    /// <summary>Takes the data directory out, and tells of the rest.</summary>
    public List<string> Settle()
    {
        var lines = files.Read();
        var elsewhere = lines.Where(l => l.Name == DataDirectory && !LeadsHere(l.Value)).DistinctBy(l => (l.File, l.Number)).ToList();
        return [.. elsewhere.GroupBy(l => l.File).Select(Forget), .. Outside(lines).Distinct(StringComparer.Ordinal)];
    }

    /// <summary>A server that is told where its data lie opens these, whatever folder it is started with.</summary>
    private string Forget(IGrouping<string, SettingLine> found)
    {
        if (!files.IsInside(found.Key))
        {
            return $"'{found.Key}' is included in the settings and sets {DataDirectory} to '{found.Last().Value}', so a server opens that folder and not the restored one. Start it with -c {DataDirectory}='{destination}', or take the include out.";
        }

        var lines = File.ReadAllLines(found.Key, Encoding.Latin1);
        foreach (var line in found)
        {
            lines[line.Number] = $"#{lines[line.Number]}";
        }

        File.WriteAllLines(found.Key, lines, Encoding.Latin1);
        Changed.Add(found.Key);
        return $"The setting {DataDirectory} in '{files.Describe(found.Key)}' leads to the original and was taken out of the copy.";
    }

    private bool LeadsHere(string path) => Path.IsPathRooted(path) && Real(path) == Real(destination);

    private static string Real(string path)
    {
        var target = Path.TrimEndingDirectorySeparator(Links.Target(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))));
        return Path.GetDirectoryName(target) is { } parent ? Path.Join(Real(parent), Path.GetFileName(target)) : target;
    }

    /// <summary>Of a setting the last line counts; each include does.</summary>
    private IEnumerable<string> Outside(List<SettingLine> lines)
    {
        foreach (var line in lines.Where(l => l.Name.StartsWith("include", StringComparison.Ordinal)))
        {
            if (Judge(line, files.Locate(line.Value, line.File)) is { } words)
            {
                yield return words;
            }
        }

        // A relative path of these begins where the server is started, and nobody knows yet where that is.
        foreach (var line in lines.Where(l => l.Name is "hba_file" or "ident_file" or "external_pid_file").GroupBy(l => l.Name).Select(g => g.Last()).Where(l => Path.IsPathRooted(l.Value)))
        {
            if (Judge(line, files.Locate(line.Value, folder)) is { } words)
            {
                yield return words;
            }
        }
    }

    private string? Judge(SettingLine line, string located)
    {
        var isThere = File.Exists(located) || Directory.Exists(located);
        var setting = $"'{files.Describe(line.File)}' of the restored cluster has {line.Name} = '{line.Value}'";
        if (!isThere && line.Name is ("hba_file" or "include" or "include_dir"))
        {
            return $"{setting}, which does not exist here. A server does not start until it is there, or the setting is changed.";
        }

        if (takesOver || files.IsInside(located) || (line.Name == "include_if_exists" && !isThere))
        {
            return null;
        }

        return line.Name switch
        {
            "external_pid_file" => $"{setting}, outside of the cluster. A server on the copy writes its number there, and removes that file when it stops, also if it is the original's. Change the setting unless the copy is to replace the original.",
            "ident_file" when !isThere => $"{setting}, which does not exist here. A server starts without it, but lets nobody in by such a map.",
            _ => $"{setting}, outside of the cluster. It is left as it is: see whether the copy is to use the original's file.",
        };
    }
}
