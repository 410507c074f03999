using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Health;

/// <summary>
/// What a value should be: <c>healthy</c> (equal), <c>&gt;= 3</c>, <c>&lt; 10</c>, <c>!= error</c>, <c>~ ^v2\.</c> (a regular
/// expression) or <c>*</c> (there at all).
/// </summary>
public sealed class Expectation
{
    private static readonly TimeSpan MatchLimit = TimeSpan.FromSeconds(1);
    private static readonly string[] Operators = [">=", "<=", "!=", "==", ">", "<", "~"];

    private readonly string text;
    private readonly string wanted;
    private readonly Func<string, bool> holds;

    private Expectation(string text, string wanted, Func<string, bool> holds)
    {
        this.text = text;
        this.wanted = wanted;
        this.holds = holds;
    }

    /// <summary>Reads an expectation.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>: no number to compare with, or no regular expression.</exception>
    public static Expectation Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var sign = Array.Find(Operators, o => text.StartsWith(o, StringComparison.Ordinal)) ?? "";
        var operand = text[sign.Length..].Trim();
        return sign switch
        {
            "" when text == "*" => new(text, "be there", _ => true),
            "" => new(text, $"be '{text}'", v => Same(v, text)),
            "==" => new(text, $"be '{operand}'", v => Same(v, operand)),
            "!=" => new(text, $"not be '{operand}'", v => !Same(v, operand)),
            "~" => new(text, $"match '{operand}'", Pattern(operand).IsMatch),
            _ => new(text, $"be {text}", Compare(sign, operand)),
        };
    }

    /// <summary>A regular expression that hostile text cannot hold up for long.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    internal static Regex Pattern(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, MatchLimit);
        }
        catch (NotSupportedException)
        {
            // Back references and look-around need the engine that can take long; its time is limited.
            return new Regex(pattern, RegexOptions.CultureInvariant, MatchLimit);
        }
        catch (ArgumentException e)
        {
            throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{pattern}' is no regular expression: {e.Message}", pattern, e);
        }
    }

    /// <summary>What is wrong with a value; null where nothing is.</summary>
    /// <param name="name">What the value is called.</param>
    /// <param name="value">The value as text; null where there is none.</param>
    public string? Complaint(string name, string? value)
    {
        if (value is null)
        {
            return $"{name} is not there, and should {wanted}";
        }

        try
        {
            return holds(value) ? null : $"{name} is '{Shorten(value)}', and should {wanted}";
        }
        catch (RegexMatchTimeoutException)
        {
            return $"{name} is too intricate for '{text}'";
        }
    }

    /// <inheritdoc/>
    public override string ToString() => text;

    /// <summary>Text from elsewhere as it may stand in a reason: one line, and not long.</summary>
    internal static string Shorten(string text, int most = 80)
    {
        var line = new string([.. text.Take(most + 1).Select(c => char.IsControl(c) ? ' ' : c)]).Trim();
        return line.Length > most ? line[..most] + "…" : line;
    }

    private static bool Same(string value, string wanted) => value == wanted || (DecimalNumber.Parse(value) is { } a && DecimalNumber.Parse(wanted) is { } b && a == b);

    private static Func<string, bool> Compare(string sign, string operand)
    {
        var bound = DecimalNumber.Parse(operand) ?? throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{sign} {operand}' compares with no number.", operand);
        return value => DecimalNumber.Parse(value) is { } number && sign switch
        {
            ">=" => number >= bound,
            "<=" => number <= bound,
            ">" => number > bound,
            _ => number < bound,
        };
    }
}
