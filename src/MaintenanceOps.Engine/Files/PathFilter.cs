using System.Text.RegularExpressions;
using MaintenanceOps.Engine.Storage;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Patterns of paths as in a <c>.gitignore</c>, see <see cref="PathPattern"/>. The last one that fits decides. What fits a
/// folder fits all below it.
/// </summary>
internal sealed class PathFilter
{
    private readonly List<PathPattern> patterns;

    /// <summary>All patterns in one: most paths fit none, and are done with at once.</summary>
    private readonly Regex? any;

    /// <param name="patterns">One line each.</param>
    /// <param name="roots">Of a backup, so that absolute paths are understood.</param>
    public PathFilter(IEnumerable<string> patterns, TreeRoots? roots = null)
        : this(patterns.Select(p => PathPattern.Parse(p, roots)))
    {
    }

    private PathFilter(IEnumerable<PathPattern?> parsed)
    {
        patterns = [.. parsed.OfType<PathPattern>()];
        var expressions = patterns.Select(p => p.Expression).OfType<string>().Distinct().ToList();
        any = expressions.Count > 0 ? PathPattern.Compile(string.Join('|', expressions)) : null;
    }

    /// <summary>Whether there is no pattern at all.</summary>
    public bool IsEmpty => patterns.Count == 0;

    /// <summary>The patterns that fitted nothing so far, as they were given.</summary>
    public IReadOnlyList<string> Unused => [.. patterns.Where(p => !p.IsUsed).Select(p => p.Text).Distinct()];

    /// <summary>
    /// Patterns that choose from a listing. One that could also be meant as it stands, such as <c>[1].txt</c>, is taken so
    /// where an entry has that very name, as it is shown or as it is: the whole path, or without a slash its last part.
    /// </summary>
    public static PathFilter Choosing(IReadOnlyList<string> patterns, IEnumerable<FileEntry> entries, string origin)
    {
        var literal = new Dictionary<string, string>(StringComparer.Ordinal);
        var ambiguous = patterns.Where(PathPattern.IsAmbiguous).ToList();
        foreach (var entry in ambiguous.Count == 0 ? [] : entries)
        {
            foreach (var pattern in ambiguous)
            {
                // The text that a list shows for one name may be another name: what was listed is what is meant.
                var text = pattern.TrimEnd('/');
                var name = text.Contains('/', StringComparison.Ordinal) ? entry.Path : entry.Path[(entry.Path.LastIndexOf('/') + 1)..];
                if (PathCodec.Display(name) == text)
                {
                    literal[pattern] = name;
                }
                else if (name == text.TrimStart('/'))
                {
                    literal.TryAdd(pattern, name);
                }
            }
        }

        var roots = origin.Length == 0 ? null : TreeRoots.AsTheyAre(origin, []);
        return new PathFilter(patterns.Select(p => literal.TryGetValue(p, out var path) ? PathPattern.Literal(p, path) : PathPattern.Parse(p, roots)));
    }

    /// <summary>
    /// Whether a walk leaves the path out. It looks at the path alone: a walk does not go into what it leaves out, so nothing
    /// below that can be taken back.
    /// </summary>
    public bool Excludes(string path, bool isFolder) => Decide(path, isFolder) ?? false;

    /// <summary>Whether the path fits: by itself or, where no pattern fits it, by the nearest folder above that one fits.</summary>
    public bool Fits(string path, bool isFolder)
    {
        for (var decided = Decide(path, isFolder); ; decided = Decide(path, true))
        {
            if (decided is { } fits)
            {
                return fits;
            }

            var slash = path.LastIndexOf('/');
            if (slash < 0)
            {
                return false;
            }

            path = path[..slash];
        }
    }

    /// <summary>The patterns in a file, one a line; lines that begin with <c>#</c> are comments.</summary>
    /// <exception cref="MaintenanceException">The file cannot be read.</exception>
    public static IEnumerable<string> ReadPatterns(string file)
    {
        var text = PathCodec.Decode(GivenFile.Bytes(file, "read the exclude file")).TrimStart('\ufeff');
        return text.Split('\n').Select(line => line.TrimEnd('\r'));
    }

    private bool? Decide(string path, bool isFolder)
    {
        if (any is null || !any.IsMatch(path))
        {
            return null;
        }

        bool? decided = null;
        foreach (var pattern in patterns.Where(p => p.Fits(path, isFolder)))
        {
            pattern.IsUsed = true;
            decided = !pattern.IsNegated;
        }

        return decided;
    }
}
