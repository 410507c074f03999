using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Language;

namespace MaintenanceOps.Commands;

/// <summary>Offers the time zones that the system knows.</summary>
public sealed class TimeZoneCompleter : IArgumentCompleter
{
    /// <inheritdoc/>
    public IEnumerable<CompletionResult> CompleteArgument(
        string commandName, string parameterName, string wordToComplete, CommandAst commandAst, IDictionary fakeBoundParameters) =>
        TimeZoneInfo.GetSystemTimeZones()
            .Where(zone => CompletionSource.Begins(zone.Id, wordToComplete))
            .Select(zone => CompletionSource.Result(zone.Id, zone.Id, zone.DisplayName));
}
