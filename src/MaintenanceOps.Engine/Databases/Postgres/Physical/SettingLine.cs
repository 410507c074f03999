using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Physical;

/// <summary>A line of a configuration file that sets something, or includes another file.</summary>
/// <param name="File">The file, where it can be read now.</param>
/// <param name="Number">The line's place in it, from 0.</param>
/// <param name="Name">What is set, in lower case.</param>
/// <param name="Value">What it is set to.</param>
internal sealed partial record SettingLine(string File, int Number, string Name, string Value)
{
    /// <summary>Null for comments, and for what is no setting.</summary>
    public static SettingLine? Parse(string file, int number, string line)
    {
        var match = Line().Match(line);
        return match.Success ? new SettingLine(file, number, match.Groups[1].Value.ToLowerInvariant(), ValueOf(match)) : null;
    }

    /// <summary>Files are read byte by byte, so that a line that stays is written as it was.</summary>
    private static string ValueOf(Match match)
    {
        var value = match.Groups[2].Success ? Escape().Replace(match.Groups[2].Value, "$1") : match.Groups[3].Value;
        return Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(value));
    }

    [GeneratedRegex(@"^\s*([A-Za-z_][\w.]*)\s*=?\s*(?:'((?:[^'\\]|\\.|'')*)'|([^\s#'=]+))", RegexOptions.CultureInvariant)]
    private static partial Regex Line();

    [GeneratedRegex(@"[\\'](.)", RegexOptions.CultureInvariant)]
    private static partial Regex Escape();
}
