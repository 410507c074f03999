using System.Management.Automation;
using MaintenanceOps.Engine;

namespace MaintenanceOps.Commands;

/// <summary>Turns what a user gives as a path into paths of the file system, the way every other cmdlet does.</summary>
internal static class ProviderPaths
{
    private const string FileSystem = "FileSystem";

    /// <summary>The existing paths that fit; an error record for each that does not.</summary>
    /// <param name="cmdlet">Knows the current location, and gets the errors.</param>
    /// <param name="paths">Paths, of any provider as far as the user is concerned; a literal one takes <c>*</c>, <c>?</c> and <c>[</c> as they are.</param>
    /// <param name="complete">Whether each path led to something.</param>
    public static IReadOnlyList<string> Existing(PSCmdlet cmdlet, IEnumerable<(string Path, bool Literal)> paths, out bool complete)
    {
        var found = new List<string>();
        complete = true;
        foreach (var (path, literal) in paths)
        {
            if (IsConnection(path))
            {
                cmdlet.WriteError(ErrorRecords.NotAPath());
                complete = false;
                continue;
            }

            try
            {
                var matches = Matches(cmdlet, path, literal, out var provider);
                if (provider.Name == FileSystem && matches.Count > 0)
                {
                    found.AddRange(matches);
                    continue;
                }

                cmdlet.WriteError(provider.Name == FileSystem ? ErrorRecords.NoMatch(path) : ErrorRecords.OtherProvider(path, provider.Name));
            }
            catch (Exception e) when (e is ItemNotFoundException or System.Management.Automation.DriveNotFoundException)
            {
                cmdlet.WriteError(ErrorRecords.NoMatch(path));
            }

            complete = false;
        }

        return found;
    }

    /// <summary>The full path of something that need not exist. A path of another provider ends the pipeline.</summary>
    public static string Full(PSCmdlet cmdlet, string path)
    {
        if (IsConnection(path))
        {
            cmdlet.ThrowTerminatingError(ErrorRecords.NotAPath());
        }

        var full = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out var provider, out _);
        if (provider.Name != FileSystem)
        {
            cmdlet.ThrowTerminatingError(ErrorRecords.OtherProvider(path, provider.Name));
        }

        return full;
    }

    /// <summary>A repository's location: a path made full, or <c>s3://…</c> as it stands.</summary>
    public static string Location(PSCmdlet cmdlet, string location) =>
        location.Contains("://", StringComparison.Ordinal) ? location : Full(cmdlet, location);

    /// <summary>Whatever is wrong with such a path, an error that repeats it would show a password. A file of such a name is a path all the same.</summary>
    private static bool IsConnection(string path) => SecretText.IsConnection(path) && !System.IO.Path.Exists(path);

    private static List<string> Matches(PSCmdlet cmdlet, string path, bool literal, out ProviderInfo provider)
    {
        var exact = Exact(cmdlet, path, out provider);
        if (literal || provider.Name != FileSystem)
        {
            return exact;
        }

        if (!WildcardPattern.ContainsWildcardCharacters(path) || exact.Count == 0)
        {
            return [.. cmdlet.GetResolvedProviderPathFromPSPath(path, out provider)];
        }

        // The name exists as it is written, and its brackets are a wildcard too.
        List<string> matches = TryResolve(cmdlet, path);
        if (matches.Count == 0)
        {
            return exact;
        }

        if (!matches.Contains(exact[0]))
        {
            cmdlet.WriteWarning($"'{path}' was taken as a wildcard and fits {string.Join(", ", matches.Take(3))}. A file of exactly that name exists too: name it with -LiteralPath.");
        }

        return matches;
    }

    private static List<string> Exact(PSCmdlet cmdlet, string path, out ProviderInfo provider)
    {
        var full = cmdlet.SessionState.Path.GetUnresolvedProviderPathFromPSPath(path, out provider, out _);
        return provider.Name != FileSystem || File.Exists(full) || Directory.Exists(full) || new FileInfo(full).LinkTarget is not null ? [full] : [];
    }

    private static List<string> TryResolve(PSCmdlet cmdlet, string path)
    {
        try
        {
            return [.. cmdlet.GetResolvedProviderPathFromPSPath(path, out _)];
        }
        catch (ItemNotFoundException)
        {
            return [];
        }
    }
}
