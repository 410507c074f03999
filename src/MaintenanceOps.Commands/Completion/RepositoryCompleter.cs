using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MaintenanceOps.Commands;

/// <summary>Offers the repository of the environment and the folders near by that hold one.</summary>
public sealed class RepositoryCompleter : IArgumentCompleter
{
    /// <summary>Deeper folders are looked into by completing the folder's own name.</summary>
    private const int MaxDepth = 2;

    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters)
    {
        var current = CompletionSource.CurrentFolder();
        var near = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = MaxDepth, IgnoreInaccessible = true };
        var folders = Directory.EnumerateFiles(current, "repository.json", near)
            .Select(file => $".{Path.DirectorySeparatorChar}{Path.GetRelativePath(current, Path.GetDirectoryName(file)!)}");
        return new[] { Environment.GetEnvironmentVariable("MAINTENANCEOPS_REPOSITORY") }
            .OfType<string>()
            .Concat(folders)
            .Where(location => CompletionSource.Begins(location, wordToComplete) || CompletionSource.Begins(location.TrimStart('.', '/', '\\'), wordToComplete))
            .Select(location => CompletionSource.Result(location, location, "A snapshot repository"));
    }
}
