using System.Globalization;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>One object of a dump, as <c>pg_restore --list</c> prints it.</summary>
/// <param name="Id">Its number in the dump.</param>
/// <param name="Text">Its kind, schema, name and owner, such as <c>TABLE public orders app</c>. A name may hold spaces, so only the kind can be read from it for certain.</param>
internal sealed partial record DumpEntry(int Id, string Text)
{
    /// <summary>Extensions that run jobs by themselves, with the schema of the rows that say which.</summary>
    private static readonly (string Extension, string Schema)[] Schedulers = [("pg_cron", "cron"), ("pgagent", "pgagent"), ("pg_timetable", "timetable")];

    /// <summary>Stands for the schema in <see cref="Start"/> where it is not known.</summary>
    public const string AnySchema = "*";

    public bool IsEventTrigger => IsOf("EVENT TRIGGER");

    public bool IsSubscription => IsOf("SUBSCRIPTION");

    public bool IsPublication => IsOf("PUBLICATION") || Text.StartsWith("PUBLICATION TABLE", StringComparison.Ordinal);

    public bool IsForeignKey => Text.StartsWith("FK CONSTRAINT ", StringComparison.Ordinal);

    /// <summary>Large objects, one by one or many at once, as the versions of <c>pg_dump</c> have it.</summary>
    public bool IsLargeObject => Text.StartsWith("BLOB", StringComparison.Ordinal);

    /// <summary>The command that fills a materialized view.</summary>
    public bool IsViewContent => Text.StartsWith("MATERIALIZED VIEW DATA ", StringComparison.Ordinal);

    /// <summary>What acts on its own, or reaches out of the database: it has no place in a private copy.</summary>
    public bool IsActive => IsEventTrigger || IsSubscription || IsPublication || Text.StartsWith("USER MAPPING - ", StringComparison.Ordinal) || IsJob;

    private bool IsJob => Schedulers.Any(s =>
        Text.StartsWith($"EXTENSION - {s.Extension} ", StringComparison.Ordinal)
        || Text.StartsWith($"COMMENT - EXTENSION {s.Extension} ", StringComparison.Ordinal)
        || Text.StartsWith($"TABLE DATA {s.Schema} ", StringComparison.Ordinal)
        || Text.StartsWith($"SEQUENCE SET {s.Schema} ", StringComparison.Ordinal)
        || Text.StartsWith($"ACL {s.Schema} ", StringComparison.Ordinal));

    /// <summary>Reads the list; its comments are passed over.</summary>
    public static List<DumpEntry> Parse(string list) =>
        [.. Line().Matches(list).Select(m => new DumpEntry(int.Parse(m.Groups["id"].Value, CultureInfo.InvariantCulture), m.Groups["text"].Value))];

    /// <summary>The beginning of the text of an object of a table; a name's line breaks are spaces there.</summary>
    public static string Start(string kind, string schema, string name) => $"{kind} {schema} {name} ".ReplaceLineEndings(" ");

    /// <summary>Kind, schema and name for people, without the owner.</summary>
    public static string Describe(string text) => Words().Match(text) is { Success: true } words
        ? $"{words.Groups["kind"].Value}{(words.Groups["schema"].Value is "-" or AnySchema ? "" : words.Groups["schema"].Value + ".")}{words.Groups["name"].Value}"
        : text.Trim();

    private bool IsOf(string kind) =>
        Text.StartsWith(kind + " - ", StringComparison.Ordinal)
        || Text.StartsWith($"COMMENT - {kind} ", StringComparison.Ordinal)
        || Text.StartsWith($"SECURITY LABEL - {kind} ", StringComparison.Ordinal);

    [GeneratedRegex("^(?<id>[0-9]+); [0-9]+ [0-9]+ (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex Line();

    [GeneratedRegex("^(?<kind>(?:[A-Z]{2,} )+)(?<schema>[^ ]+) (?<name>.+) [^ ]*$")]
    private static partial Regex Words();
}
