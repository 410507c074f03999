using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine;

/// <summary>
/// Text that was given and may hold a password: a connection string in the place of a path, a URL with a user. Such text is not
/// repeated in a message, a name or a log, whatever is wrong with it.
/// </summary>
public static partial class SecretText
{
    /// <summary>What stands for it.</summary>
    private const string Hidden = "…";

    /// <summary>Whether the text is a connection to a database and no path or name.</summary>
    public static bool IsConnection(string? text) => text is not null && (Connection().IsMatch(text) || Keyword().IsMatch(text));

    /// <summary>Whether the text may hold a password.</summary>
    public static bool IsLikely(string? text) => text is not null && (IsConnection(text) || User().IsMatch(text));

    /// <summary>The text in quotes, as a message shows it, or what says that it is not shown.</summary>
    public static string Show(string text) => IsLikely(text) ? "That (it may hold a password and is not shown)" : $"'{text}'";

    /// <summary>A message without the passwords that it repeats; the last resort for words that others made.</summary>
    public static string Hide(string message) =>
        User().Replace(Keyword().Replace(message, m => m.Groups["before"].Value + Hidden), m => m.Groups["before"].Value + Hidden + "@");

    /// <summary>The URI of a database, or what begins with a keyword of a connection string. A path with an equals sign in it has another word there, or can be written with ./ before it.</summary>
    [GeneratedRegex(@"^\s*((jdbc:)?(postgres(ql)?|postgis|pgsql)(\+\w+)?://|(host|hostaddr|server|data source|user|username|user name|user id|userid|uid|dbname|database|db|initial catalog|service|passfile|sslmode|ssl mode)\s*=\s*[^\s=])", RegexOptions.IgnoreCase)]
    private static partial Regex Connection();

    /// <summary>A password by its keyword.</summary>
    [GeneratedRegex(@"(?<before>(?<![A-Za-z0-9_])(password|passwd|pwd|psw|pgpassword|sslpassword|ssl password)\s*=\s*)('(?:[^'\\]|\\.)*'?|""[^""]*""?|[^\s;&]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Keyword();

    /// <summary>The user of a URL, with or without a password: some put a token there.</summary>
    [GeneratedRegex(@"(?<before>[a-z][a-z0-9+.-]*://)(?:[^\s/?#]*@|(?<=(?:postgres(?:ql)?|postgis|pgsql|mysql|mariadb|rediss?|mongodb|amqps?)(?:\+\w+)?://)\S*@)", RegexOptions.IgnoreCase)]
    private static partial Regex User();
}
