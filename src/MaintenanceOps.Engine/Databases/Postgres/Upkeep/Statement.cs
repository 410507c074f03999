using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Upkeep;

/// <summary>Somebody's SQL as it may be shown: one line, not long, and nothing behind the word password.</summary>
internal static partial class Statement
{
    private const int Longest = 200;

    public static string Show(string? sql)
    {
        var line = Blanks().Replace(sql ?? "", " ").Trim();
        var secret = line.IndexOf("password", StringComparison.OrdinalIgnoreCase);
        if (secret >= 0)
        {
            line = line[..secret] + "password …";
        }

        return line.Length <= Longest ? line : line[..(Longest - 1)].TrimEnd() + "…";
    }

    [GeneratedRegex(@"\s+")]
    private static partial Regex Blanks();
}
