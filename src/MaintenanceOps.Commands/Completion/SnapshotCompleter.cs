using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;
using MaintenanceOps.Engine.Snapshots;

namespace MaintenanceOps.Commands;

/// <summary>Offers the snapshots of the repository by short id, the newest first, each with its source and moment.</summary>
public sealed class SnapshotCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        CompletionSource.Ask(fakeBoundParameters, repository => new SnapshotCatalog(repository).List()
            .Where(s => CompletionSource.Begins(s.Id, wordToComplete) && (fakeBoundParameters["Source"] is not string source || s.Source == source))
            .Reverse()
            .Select(s => CompletionSource.Result(s.ShortId, $"{s.ShortId}  {s.Source}  {s.Created:yyyy-MM-dd HH:mm}", $"{s.Source}, {s.Created:yyyy-MM-dd HH:mm} UTC, {ByteSize.Format(s.Size)}")));
}
