using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>Somebody's SQL as it may be shown: one line, not long, no texts in it, which are data and now and then secrets, and nothing behind the word password.</summary>
internal static partial class Statement
{
    private const int Longest = 200;

    public static string Show(string? sql)
    {
        var line = Texts().Replace(Blanks().Replace(sql ?? "", " ").Trim(), "'…'");
        var secret = line.IndexOf("password", StringComparison.OrdinalIgnoreCase);
        if (secret >= 0)
        {
            line = line[..secret] + "password …";
        }

        return line.Length <= Longest ? line : line[..(Longest - 1)].TrimEnd() + "…";
    }

    /// <summary>In quotes, with backslashes where an E is in front, or between dollars; the server may have cut the statement off inside.</summary>
    [GeneratedRegex(@"\b[eE]'(?:[^'\\]|\\.|'')*(?:'|\\?$)|'(?:[^']|'')*(?:'|$)|(\$(?:[A-Za-z_]\w*)?\$).*?(?:\1|$)")]
    private static partial Regex Texts();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
