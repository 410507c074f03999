using System.CommandLine;
using System.CommandLine.Parsing;
using MaintenanceOps.Engine;

namespace MaintenanceOps.Runner.Cli;

/// <summary>
/// Finds a connection string in the place of a path, a name or a stray word before anything is made of it: whatever is wrong
/// with such a word, an error that repeats it shows a password.
/// </summary>
internal static class MisplacedConnection
{
    /// <summary>Options whose values are connections, or free text that is not repeated as a path.</summary>
    private static readonly string[] Free = ["--connection-string", "--query", "--assert", "--command", "--expect", "--expect-body", "--expect-json", "--exclude"];

    public static bool In(ParseResult result) =>
        result.UnmatchedTokens.Any(IsConnection)
        || result.CommandResult.Children.Any(c => c is not OptionResult { Option.Name: var name } || !Free.Contains(name) ? c.Tokens.Any(t => IsConnection(t.Value)) : false);

    /// <summary>A file of such a name is a path all the same.</summary>
    private static bool IsConnection(string word) => SecretText.IsConnection(word) && !Path.Exists(word);
}
