using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands;

/// <summary>Offers the sources of the repository.</summary>
public sealed class SourceCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        CompletionSource.Ask(fakeBoundParameters, repository => new SnapshotCatalog(repository).List()
            .GroupBy(s => s.Source)
            .Where(g => CompletionSource.Begins(g.Key, wordToComplete))
            .OrderBy(g => g.Key, StringComparer.Ordinal)
            .Select(g => CompletionSource.Result(g.Key, g.Key, $"{g.Count()} snapshots, the newest of {g.Last().Created:yyyy-MM-dd HH:mm} UTC")));
}
