using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Runner.Cli;

/// <summary>
/// The engine's advice names cmdlets and their parameters. Whoever reads it here has a shell, so the same advice is
/// given in the runner's words.
/// </summary>
internal static partial class Words
{
    private static readonly (string Cmdlet, string Command)[] Commands =
    [
        ("New-SnapshotRepository", "mops repo new"),
        ("Get-SnapshotRepository", "mops repo info"),
        ("Test-SnapshotRepository", "mops repo test"),
        ("Optimize-SnapshotRepository", "mops repo prune"),
        ("Add-SnapshotRepositoryKey", "mops repo key add"),
        ("Remove-SnapshotRepositoryKey", "mops repo key remove"),
        ("Invoke-SnapshotRetention", "mops retention"),
        ("Invoke-DbBackup", "mops backup"),
        ("Invoke-FileBackup", "mops backup"),
        ("Get-SnapshotItem", "mops items"),
        ("Get-Snapshot", "mops list"),
        ("Test-Snapshot", "mops test"),
        ("Restore-Snapshot", "mops restore"),
        ("Compare-Snapshot", "mops diff"),
        ("Copy-Snapshot", "mops copy"),
        ("Export-Snapshot", "mops export"),
        ("Remove-Snapshot", "mops remove"),
        ("Test-Health", "mops health"),
        ("Get-DatabaseHealth", "mops database health"),
        ("Test-Database", "mops database test"),
        ("Optimize-Database", "mops optimize"),
        ("Get-MaintenanceMode", "mops mode status"),
    ];

    public static string ForConsole(string message)
    {
        var text = BothWays().Replace(message, "");
        foreach (var (cmdlet, command) in Commands)
        {
            text = text.Replace(cmdlet, command, StringComparison.Ordinal);
        }

        return Parameter().Replace(text, m => OptionFor(m.Groups[1].Value) is { } option && Options.Value.Contains(option) ? option : m.Value);
    }

    /// <summary>The options of all commands: a word that is none of them is left as it is, for a file may be called <c>-Notes</c>.</summary>
    private static readonly Lazy<HashSet<string>> Options = new(() => [.. CommandLine.AllOptions().Select(o => o.Name)]);

    private static string OptionFor(string parameter) => parameter == "Passphrase" ? "--key-file" : "-" + Kebab(parameter);

    private static string Kebab(string name)
    {
        var kebab = new StringBuilder();
        foreach (var letter in name)
        {
            if (char.IsAsciiLetterUpper(letter))
            {
                kebab.Append('-');
            }

            kebab.Append(char.ToLowerInvariant(letter));
        }

        return kebab.ToString();
    }

    /// <summary>Where a message names both ways already, the cmdlet's goes.</summary>
    [GeneratedRegex("'New-SnapshotRepository [^']*' or (?='mops )")]
    private static partial Regex BothWays();

    /// <summary>A parameter of a cmdlet, as the engine writes it.</summary>
    [GeneratedRegex("(?<![\\w-])-([A-Z][A-Za-z]+)\\b")]
    private static partial Regex Parameter();
}
