using System.Text;

namespace MaintenanceOps.Engine.Databases.Postgres.Sessions;

/// <summary>
/// The keyword form of libpq, <c>host=db password='a b' dbname=app</c>, read as that library reads it: spaces may surround the
/// equals sign, a value may stand in single quotes, and a backslash takes the next character as it is, inside quotes and outside.
/// </summary>
internal static class KeywordString
{
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>; it names positions, counted from 1, and nothing of the text.</exception>
    public static Dictionary<string, string> Parse(string text)
    {
        var values = new Dictionary<string, string>(StringComparer.Ordinal);
        var at = 0;
        while (SkipBlanks(text, ref at))
        {
            var start = at;
            var keyword = Keyword(text, ref at);
            if (!ConnectionKeywords.IsKnown(keyword))
            {
                throw ConnectionRefusal.Because($"the keyword at position {start + 1} is not one of PostgreSQL's. A value with spaces stands in single quotes");
            }

            // The last one counts, as for the library.
            values[keyword] = Value(text, ref at);
        }

        return values;
    }

    /// <summary>Whether a semicolon stands outside quotes, as it does between the parts of the driver's own form.</summary>
    public static bool HasSemicolon(string text)
    {
        var quoted = false;
        for (var i = 0; i < text.Length; i++)
        {
            switch (text[i])
            {
                case '\\':
                    i++;
                    break;
                case '\'':
                    quoted = !quoted;
                    break;
                case ';' when !quoted:
                    return true;
                default:
                    break;
            }
        }

        return false;
    }

    private static string Keyword(string text, ref int at)
    {
        var start = at;
        while (at < text.Length && text[at] != '=' && !IsBlank(text[at]))
        {
            at++;
        }

        var keyword = text[start..at];
        SkipBlanks(text, ref at);
        if (at == text.Length || text[at] != '=')
        {
            throw ConnectionRefusal.Because($"an '=' is missing behind the word at position {start + 1}. A value with spaces stands in single quotes");
        }

        at++;
        SkipBlanks(text, ref at);
        return keyword;
    }

    private static string Value(string text, ref int at)
    {
        var quoted = at < text.Length && text[at] == '\'';
        var start = at;
        at += quoted ? 1 : 0;
        var value = new StringBuilder();
        while (at < text.Length && (quoted ? text[at] != '\'' : !IsBlank(text[at])))
        {
            if (text[at] == '\\' && ++at == text.Length)
            {
                break;
            }

            value.Append(text[at++]);
        }

        if (quoted && at++ >= text.Length)
        {
            throw ConnectionRefusal.Because($"the quote at position {start + 1} is not closed");
        }

        return value.ToString();
    }

    private static bool SkipBlanks(string text, ref int at)
    {
        while (at < text.Length && IsBlank(text[at]))
        {
            at++;
        }

        return at < text.Length;
    }

    /// <summary>What the library takes for a space; a no-break space of another alphabet belongs to a value.</summary>
    private static bool IsBlank(char c) => c is ' ' or (>= '\t' and <= '\r');
}
