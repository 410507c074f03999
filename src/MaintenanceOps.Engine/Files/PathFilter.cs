using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// Patterns of paths as in a <c>.gitignore</c>: <c>*</c> and <c>?</c> within a name, <c>**</c> across folders. A pattern
/// without a slash fits a name at any depth; one with a slash begins at the top. What fits a folder fits all below it.
/// </summary>
internal sealed class PathFilter
{
    private readonly Regex? expression;

    public PathFilter(IEnumerable<string> patterns)
    {
        var parts = patterns
            .Select(p => p.Trim().Replace('\\', '/'))
            .Where(p => p.Length > 0 && p[0] != '#')
            .Select(Translate)
            .ToList();
        if (parts.Count > 0)
        {
            // Non-backtracking: a hostile pattern cannot make a match take for ever.
            expression = new Regex($"^(?:{string.Join('|', parts)})(?:/|$)", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);
        }
    }

    /// <summary>Whether there is no pattern at all.</summary>
    public bool IsEmpty => expression is null;

    /// <summary>Whether the path, or a folder above it, fits a pattern.</summary>
    public bool Matches(string path) => expression is not null && expression.IsMatch(path);

    /// <summary>The patterns in a file, one a line; lines that begin with <c>#</c> are comments.</summary>
    /// <exception cref="MaintenanceException">The file cannot be read.</exception>
    public static IEnumerable<string> ReadPatterns(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception e) when (Storage.IoErrors.IsKnown(e))
        {
            throw Storage.IoErrors.Wrap(e, "read the exclude file", file);
        }
    }

    private static string Translate(string pattern)
    {
        var anchored = pattern.TrimEnd('/').Contains('/', StringComparison.Ordinal);
        pattern = pattern.Trim('/');
        if (pattern.StartsWith("./", StringComparison.Ordinal))
        {
            pattern = pattern[2..];
        }

        var regex = new StringBuilder(anchored ? "" : "(?:.*/)?");
        for (var i = 0; i < pattern.Length; i++)
        {
            switch (pattern[i])
            {
                case '*' when i + 1 < pattern.Length && pattern[i + 1] == '*':
                    i++;
                    if (i + 1 < pattern.Length && pattern[i + 1] == '/')
                    {
                        i++;
                        regex.Append("(?:.*/)?");
                    }
                    else
                    {
                        regex.Append(".*");
                    }

                    break;
                case '*':
                    regex.Append("[^/]*");
                    break;
                case '?':
                    regex.Append("[^/]");
                    break;
                default:
                    regex.Append(Regex.Escape(pattern[i].ToString()));
                    break;
            }
        }

        return regex.ToString();
    }
}
