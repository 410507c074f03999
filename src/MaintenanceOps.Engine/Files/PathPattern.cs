using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Files;

/// <summary>
/// One line of a <c>.gitignore</c>: <c>*</c>, <c>?</c> and <c>[a-z]</c> within a name, <c>**</c> across folders, a slash at the
/// end for folders alone, <c>!</c> in front for what is not meant after all, <c>\</c> before a character that stands for itself.
/// A pattern with a slash in front or within begins at the top; any other fits a name at any depth. <c>\x</c> with two
/// hexadecimal digits is a byte, as names are shown that have no letters for it.
/// </summary>
internal sealed class PathPattern
{
    private readonly Regex? regex;

    private PathPattern(string text, bool isNegated, bool isFolderOnly, string? expression)
    {
        (Text, IsNegated, IsFolderOnly, Expression) = (text, isNegated, isFolderOnly, expression);
        regex = expression is null ? null : Compile(expression);
    }

    /// <summary>As it was given.</summary>
    public string Text { get; }

    public bool IsNegated { get; }

    public bool IsFolderOnly { get; }

    /// <summary>The regular expression of a whole path; null where nothing can fit, as with a bracket that is not closed.</summary>
    public string? Expression { get; }

    /// <summary>Whether it has been seen to fit.</summary>
    public bool IsUsed { get; set; }

    /// <summary>Whether the path itself fits, not only a folder above it.</summary>
    public bool Fits(string path, bool isFolder) => regex is not null && (isFolder || !IsFolderOnly) && regex.IsMatch(path);

    /// <summary>Non-backtracking: a hostile pattern cannot make a match take for ever.</summary>
    public static Regex Compile(string expression) =>
        new($"^(?:{expression})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant | RegexOptions.Singleline);

    /// <summary>Reads a line; null for an empty one and a comment.</summary>
    /// <param name="text">The line.</param>
    /// <param name="roots">Of a backup: a pattern that begins with the path of a root means what is below that root.</param>
    public static PathPattern? Parse(string text, TreeRoots? roots = null)
    {
        var rest = OperatingSystem.IsWindows() ? text.Replace('\\', '/') : text;
        if (rest.StartsWith('#'))
        {
            return null;
        }

        var isNegated = rest.StartsWith('!');
        rest = WithoutTrailingSpaces(isNegated ? rest[1..] : rest);
        var isFolderOnly = rest.EndsWith('/');
        rest = rest.TrimEnd('/');
        if (rest.Length == 0)
        {
            return null;
        }

        if (AbsolutePattern.Below(rest, roots) is var (folder, below))
        {
            return new PathPattern(text, isNegated, isFolderOnly, Translate(below) is { } inside ? Regex.Escape(folder.Length == 0 ? "" : folder + "/") + inside : null);
        }

        rest = rest.StartsWith("./", StringComparison.Ordinal) ? rest[1..] : rest;
        var isAnchored = rest.Contains('/', StringComparison.Ordinal);
        return new PathPattern(text, isNegated, isFolderOnly, Translate(rest.TrimStart('/')) is { } expression ? (isAnchored ? "" : "(?:.*/)?") + expression : null);
    }

    /// <summary>A pattern in which every character stands for itself.</summary>
    public static PathPattern Literal(string text, string path) =>
        new(text, false, false, (path.Contains('/', StringComparison.Ordinal) ? "" : "(?:.*/)?") + Regex.Escape(path));

    /// <summary>Whether the text could be meant as it stands and would not be read so.</summary>
    public static bool IsAmbiguous(string text) =>
        text.Length > 0 && (text.AsSpan().IndexOfAny(@"*?[]\") >= 0 || text[0] is '!' or '#' or ' ' || text[^1] == ' ');

    /// <summary>Spaces at the end are not meant, unless a backslash stands before them.</summary>
    private static string WithoutTrailingSpaces(string text)
    {
        var end = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\\' && i + 1 < text.Length)
            {
                end = ++i + 1;
            }
            else if (text[i] != ' ')
            {
                end = i + 1;
            }
        }

        return text[..end];
    }

    /// <summary>The regular expression of a pattern without its outer slashes; null where it can fit nothing.</summary>
    internal static string? Translate(string pattern)
    {
        var regex = new StringBuilder();
        for (var i = 0; i < pattern.Length;)
        {
            switch (pattern[i])
            {
                case '*':
                    i = Stars(pattern, i, regex);
                    break;
                case '?':
                    regex.Append(@"(?:[\uD800-\uDBFF][\uDC00-\uDFFF]|[^/])");
                    i++;
                    break;
                case '[':
                    if (BracketPattern.Translate(pattern, ref i) is not { } set)
                    {
                        return null;
                    }

                    regex.Append(set);
                    break;
                case '\\' when i + 1 == pattern.Length:
                    return null;
                case '\\' when ByteAt(pattern, i) is not null:
                    regex.Append(Regex.Escape(Bytes(pattern, ref i)));
                    break;
                case '\\':
                    regex.Append(Regex.Escape(pattern[i + 1].ToString()));
                    i += 2;
                    break;
                default:
                    regex.Append(Regex.Escape(pattern[i].ToString()));
                    i++;
                    break;
            }
        }

        return regex.ToString();
    }

    /// <summary>Two stars that make up a whole name stand for any number of folders; anywhere else stars stay within a name.</summary>
    private static int Stars(string pattern, int start, StringBuilder regex)
    {
        var end = start;
        while (end < pattern.Length && pattern[end] == '*')
        {
            end++;
        }

        var isWholeName = end - start >= 2 && (start == 0 || pattern[start - 1] == '/') && (end == pattern.Length || pattern[end] == '/');
        if (isWholeName && end < pattern.Length)
        {
            regex.Append("(?:.*/)?");
            return end + 1;
        }

        regex.Append(isWholeName ? ".*" : "[^/]*");
        return end;
    }

    /// <summary>The bytes of <c>\xHH</c> that follow each other, which together may be letters.</summary>
    private static string Bytes(string pattern, ref int at)
    {
        var bytes = new List<byte>();
        for (; ByteAt(pattern, at) is { } value; at += 4)
        {
            bytes.Add(value);
        }

        return PathCodec.Decode([.. bytes]);
    }

    private static byte? ByteAt(string pattern, int at) =>
        at + 4 <= pattern.Length && pattern[at] == '\\' && pattern[at + 1] == 'x' && byte.TryParse(pattern.AsSpan(at + 2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value
            : null;
}
