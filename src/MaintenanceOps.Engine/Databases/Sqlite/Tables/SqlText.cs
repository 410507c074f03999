using SQLitePCL;

namespace MaintenanceOps.Engine.Databases.Sqlite.Tables;

/// <summary>SQL as text: literals, names, single statements.</summary>
internal static class SqlText
{
    /// <summary>More than any trigger has statements.</summary>
    private const int MaxSemicolons = 5000;

    /// <summary>
    /// The collations that SQLite has by itself. Its own list is no help: it also has every name that a schema mentions.
    /// </summary>
    public static readonly string[] Collations = ["BINARY", "NOCASE", "RTRIM"];

    public static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>Whether two names mean the same object: SQLite ignores the case of the letters A to Z and of no others.</summary>
    public static bool SameName(string a, string b) => string.Equals(Lower(a), Lower(b), StringComparison.Ordinal);

    /// <summary>
    /// A definition comes out of a database that anybody may have written. SQLite itself reads only the first statement of
    /// one; running all of them would run what was hidden behind it.
    /// </summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.DatabaseCorrupt"/>.</exception>
    public static void RequireOneStatement(string sql)
    {
        var end = -1;
        for (var tries = 0; (end = sql.IndexOf(';', end + 1)) >= 0 && tries < MaxSemicolons; tries++)
        {
            if (raw.sqlite3_complete(sql[..(end + 1)]) != 0)
            {
                break;
            }
        }

        if (end >= 0 && sql.AsSpan(end + 1).Trim().Length > 0)
        {
            throw new MaintenanceException(ErrorCode.DatabaseCorrupt, "The snapshot's schema has a definition with more than one statement, which no application writes. Nothing was restored.");
        }
    }

    private static string Lower(string name) => string.Create(name.Length, name, (span, text) =>
    {
        for (var i = 0; i < span.Length; i++)
        {
            span[i] = char.IsAsciiLetterUpper(text[i]) ? (char)(text[i] | 0x20) : text[i];
        }
    });
}
