using System.Text;

namespace MaintenanceOps.Engine.Databases.Sqlite.Upkeep;

/// <summary>
/// What a CREATE INDEX statement indexes, so that two statements can be compared: no pragma gives an expression or the
/// condition of a partial index.
/// </summary>
/// <param name="Columns">The list in parentheses, in one spelling.</param>
/// <param name="Where">The condition in the same spelling; empty for a whole index.</param>
internal sealed record IndexBody(string Columns, string Where)
{
    /// <summary>Of the statement as the schema keeps it; empty for an index that a constraint made.</summary>
    public static IndexBody Of(string sql)
    {
        var tokens = Tokens(sql);
        var open = tokens.IndexOf("(");
        if (open < 0)
        {
            return new IndexBody("", "");
        }

        var depth = 0;
        var close = tokens.FindIndex(open, t => (depth += t == "(" ? 1 : t == ")" ? -1 : 0) == 0);
        close = close < 0 ? tokens.Count - 1 : close;
        return new IndexBody(
            string.Join(' ', tokens[(open + 1)..close]),
            string.Join(' ', tokens[(close + 1)..].SkipWhile(t => t == "where")));
    }

    /// <summary>
    /// Words in lower case and without their quotes, texts with them, signs one by one; comments and blanks left out. A name
    /// that is itself a parenthesis is not mistaken for one: it keeps its quotes.
    /// </summary>
    private static List<string> Tokens(string sql)
    {
        var tokens = new List<string>();
        for (var i = 0; i < sql.Length;)
        {
            var start = i;
            if (char.IsWhiteSpace(sql[i]))
            {
                i++;
            }
            else if (string.CompareOrdinal(sql, i, "--", 0, 2) == 0)
            {
                i = End(sql, i, "\n");
            }
            else if (string.CompareOrdinal(sql, i, "/*", 0, 2) == 0)
            {
                i = End(sql, i + 2, "*/");
            }
            else if (sql[i] is '\'' or '"' or '`' or '[')
            {
                tokens.Add(Quoted(sql, ref i));
            }
            else if (IsWord(sql[i]))
            {
                while (i < sql.Length && IsWord(sql[i]))
                {
                    i++;
                }

                tokens.Add(sql[start..i].ToLowerInvariant());
            }
            else
            {
                tokens.Add(sql[i++].ToString());
            }
        }

        return tokens;
    }

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c is '_' or '$' or '.' || c > 127;

    private static int End(string sql, int from, string mark) => sql.IndexOf(mark, from, StringComparison.Ordinal) is >= 0 and var at ? at + mark.Length : sql.Length;

    private static string Quoted(string sql, ref int at)
    {
        var open = sql[at];
        var close = open == '[' ? ']' : open;
        var text = new StringBuilder();
        for (at++; at < sql.Length; at++)
        {
            if (sql[at] == close)
            {
                // A doubled quote is one quote within.
                if (close == ']' || at + 1 >= sql.Length || sql[at + 1] != close)
                {
                    at++;
                    break;
                }

                at++;
            }

            text.Append(sql[at]);
        }

        var name = text.ToString();
        return open == '\'' ? $"'{name}'" : name.Length > 0 && name.All(IsWord) ? name.ToLowerInvariant() : $"\"{name}\"";
    }
}
