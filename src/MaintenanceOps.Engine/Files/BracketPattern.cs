using System.Text;

namespace MaintenanceOps.Engine.Files;

/// <summary>A set of characters in a pattern, such as <c>[a-z]</c>, <c>[!0-9]</c> or <c>[[:digit:]_]</c>. It never fits a slash.</summary>
internal static class BracketPattern
{
    /// <summary>The set as a regular expression; null where it is not closed or names a class that there is not.</summary>
    /// <param name="pattern">The pattern.</param>
    /// <param name="at">Where its bracket opens; then, what follows the set.</param>
    public static string? Translate(string pattern, ref int at)
    {
        var i = at + 1;
        var isNegated = i < pattern.Length && pattern[i] is '!' or '^';
        i += isNegated ? 1 : 0;
        var set = new StringBuilder();
        char? before = null;
        for (var isFirst = true; ; isFirst = false)
        {
            if (i >= pattern.Length)
            {
                return null;
            }

            var c = pattern[i];
            if (c == ']' && !isFirst)
            {
                at = i + 1;
                return Join(set, isNegated);
            }

            if (c == '[' && i + 1 < pattern.Length && pattern[i + 1] == ':' && ClassEnd(pattern, i) is { } end)
            {
                if (ClassOf(pattern[(i + 2)..end]) is not { } members)
                {
                    return null;
                }

                set.Append(members);
                (before, i) = (null, end + 2);
            }
            else if (c == '-' && before is { } first && i + 1 < pattern.Length && pattern[i + 1] != ']')
            {
                i++;
                if (Next(pattern, ref i) is not { } last)
                {
                    return null;
                }

                set.Append(first <= last ? $"{Escape(first)}-{Escape(last)}" : "");
                before = null;
            }
            else
            {
                before = Next(pattern, ref i);
                if (before is not { } member)
                {
                    return null;
                }

                set.Append(Escape(member));
            }
        }
    }

    private static string Join(StringBuilder set, bool isNegated) =>
        isNegated ? $"[^{set}/]" : set.Length == 0 ? @"[^\s\S]" : $"[{set}-[/]]";

    /// <summary>One character, with a backslash before it taken off.</summary>
    private static char? Next(string pattern, ref int i)
    {
        i += pattern[i] == '\\' ? 1 : 0;
        return i < pattern.Length ? pattern[i++] : null;
    }

    private static int? ClassEnd(string pattern, int start) => pattern.IndexOf(":]", start + 2, StringComparison.Ordinal) is >= 0 and var end ? end : null;

    private static string Escape(char c) => $@"\u{(int)c:x4}";

    private static string? ClassOf(string name) => name switch
    {
        "alnum" => "a-zA-Z0-9",
        "alpha" => "a-zA-Z",
        "blank" => @" \t",
        "cntrl" => @"\x00-\x1f\x7f",
        "digit" => "0-9",
        "graph" => @"\x21-\x7e",
        "lower" => "a-z",
        "print" => @"\x20-\x7e",
        "punct" => @"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
        "space" => @"\x09-\x0d\x20",
        "upper" => "A-Z",
        "xdigit" => "0-9a-fA-F",
        _ => null,
    };
}
