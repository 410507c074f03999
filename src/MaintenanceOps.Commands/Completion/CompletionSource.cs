using System.Collections;
using System.Management.Automation;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands;

/// <summary>What the completers share: the repository that the command line names so far, and how a word is quoted.</summary>
internal static class CompletionSource
{
    /// <summary>
    /// Asks the repository. A completion that cannot be had, because the repository is missing, out of reach or locked by a
    /// passphrase that is not in the environment, is no completion and no error.
    /// </summary>
    public static IReadOnlyList<CompletionResult> Ask(IDictionary bound, Func<Repository, IEnumerable<CompletionResult>> ask)
    {
        try
        {
            var location = bound["Repository"]?.ToString() ?? Environment.GetEnvironmentVariable("MAINTENANCEOPS_REPOSITORY");
            if (string.IsNullOrEmpty(location))
            {
                return [];
            }

            using var repository = Repository.Open(location.Contains("://", StringComparison.Ordinal) ? location : Path.GetFullPath(location, CurrentFolder()));
            return [.. ask(repository)];
        }
        catch (Exception e) when (e is MaintenanceException or IOException or UnauthorizedAccessException or ArgumentException)
        {
            return [];
        }
    }

    /// <summary>Where the user is; a completer has no session state of its own to ask.</summary>
    public static string CurrentFolder()
    {
        using var shell = PowerShell.Create(RunspaceMode.CurrentRunspace);
        return shell.AddCommand("Get-Location").AddParameter("PSProvider", "FileSystem").Invoke<PathInfo>().FirstOrDefault()?.ProviderPath ?? Environment.CurrentDirectory;
    }

    public static bool Begins(string text, string word) => text.StartsWith(word.Trim('\'', '"'), StringComparison.OrdinalIgnoreCase);

    public static CompletionResult Result(string text, string list, string tip) =>
        new(text.All(c => char.IsLetterOrDigit(c) || "/-_.:\\".Contains(c, StringComparison.Ordinal)) ? text : $"'{text.Replace("'", "''", StringComparison.Ordinal)}'", list, CompletionResultType.ParameterValue, tip);
}
