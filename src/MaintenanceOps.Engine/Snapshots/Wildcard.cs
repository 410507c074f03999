using System.IO.Enumeration;

namespace MaintenanceOps.Engine.Snapshots;

/// <summary>Names with <c>*</c> and <c>?</c>, as a shell user writes them; upper and lower case are the same.</summary>
internal static class Wildcard
{
    public static bool Matches(string name, string pattern) => FileSystemName.MatchesSimpleExpression(pattern.Replace("\\", "\\\\", StringComparison.Ordinal), name);
}
