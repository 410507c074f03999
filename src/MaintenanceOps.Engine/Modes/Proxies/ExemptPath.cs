using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Modes.Proxies;

/// <summary>A path that stays open: exactly that one, or all that begin so.</summary>
internal sealed partial record ExemptPath(string Path, bool IsPrefix)
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static ExemptPath Parse(string text)
    {
        // Few characters, all of them harmless in the language of each web server; and only what is left of a path after a web
        // server has tidied it up: another one would never be met.
        if (!Allowed().IsMatch(text) || text.Contains("//", StringComparison.Ordinal) || text.Split('/').Any(s => s is "." or ".."))
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' cannot stay open. Write -ExemptPath as /health, or /static/* for all that begin so, with letters, digits and /._~@+,:=- only.", text);
        }

        return text.EndsWith('*') ? new(text[..^1], true) : new(text, false);
    }

    [GeneratedRegex(@"^/[A-Za-z0-9/._~@+,:=-]*\*?\z")]
    private static partial Regex Allowed();
}
