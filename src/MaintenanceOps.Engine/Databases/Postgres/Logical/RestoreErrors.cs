using System.Text;
using System.Text.RegularExpressions;

namespace MaintenanceOps.Engine.Databases.Postgres.Logical;

/// <summary>An object that <c>pg_restore</c> could not restore.</summary>
/// <param name="Id">Its number in the dump; 0 where it is not known.</param>
/// <param name="Entry">Its text in the dump's list, as in <see cref="DumpEntry"/>.</param>
/// <param name="Error">What the server said.</param>
/// <param name="Statement">The statement that failed; empty where rows did.</param>
internal sealed record RestoreError(int Id, string Entry, string Error, string Statement)
{
    /// <summary>The end of the name of objects that were counted, and whose words were lost between those of others.</summary>
    public const string MoreObjects = " more objects";

    public bool IsUnnamed => Id == 0 && Entry.EndsWith(MoreObjects, StringComparison.Ordinal);

    public UnrestoredObject ToUnrestored() => new(DumpEntry.Describe(Entry), Error, Statement);
}

/// <summary>Reads from what <c>pg_restore</c> complains about which objects are missing after it.</summary>
internal static partial class RestoreErrors
{
    private const string Program = "pg_restore: ";
    private const string Error = Program + "error: ";
    private const string Command = "Command was: ";

    /// <summary>The last thing that it says when it came to the end in spite of errors.</summary>
    public static bool CameToItsEnd(string complaints) => complaints.Contains("errors ignored on restore: ", StringComparison.Ordinal);

    /// <summary>Whether the connection was lost, so that everything after it failed.</summary>
    public static bool IsDisconnected(IEnumerable<RestoreError> errors) => errors.Any(e =>
        e.Error.Contains("server closed the connection", StringComparison.Ordinal)
        || e.Error.Contains("no connection to the server", StringComparison.Ordinal)
        || e.Error.Contains("terminating connection", StringComparison.Ordinal));

    public static List<RestoreError> Parse(string complaints)
    {
        var errors = new List<RestoreError>();
        var (id, entry) = (0, "");
        StringBuilder? words = null, statement = null;
        foreach (var line in complaints.Split('\n').Select(l => l.TrimEnd('\r')))
        {
            if (line.StartsWith(Program, StringComparison.Ordinal))
            {
                Take();
                if (Source().Match(line) is { Success: true } source)
                {
                    (id, entry) = (int.Parse(source.Groups["id"].Value, System.Globalization.CultureInfo.InvariantCulture), source.Groups["text"].Value);
                }

                words = line.StartsWith(Error, StringComparison.Ordinal) ? new StringBuilder(line[Error.Length..]) : null;
            }
            else if (statement is not null)
            {
                statement.Append('\n').Append(line);
            }
            else if (words is not null && line.StartsWith(Command, StringComparison.Ordinal))
            {
                statement = new StringBuilder(line[Command.Length..]);
            }
            else
            {
                words?.Append('\n').Append(line);
            }
        }

        Take();

        // Several programs at once can write into each other's lines. The total alone is no measure: each of them tells after its
        // first error that of whatever it does then.
        if (Total().Match(complaints) is { Success: true } total
            && Math.Min(int.Parse(total.Groups["count"].Value, System.Globalization.CultureInfo.InvariantCulture), Mark().Count(complaints)) is var count && count > errors.Count)
        {
            errors.Add(new RestoreError(0, $"{count - errors.Count}{RestoreError.MoreObjects}", complaints, ""));
        }

        return errors;

        void Take()
        {
            if (words is not null)
            {
                // Where the rows of a table fail, the table is named, and the object in the dump's list is not.
                errors.Add(Rows().Match(words.ToString()) is { Success: true } rows
                    ? new RestoreError(0, DumpEntry.Start("TABLE DATA", DumpEntry.AnySchema, rows.Groups["table"].Value), Shorten(words.ToString()[rows.Length..]), "")
                    : new RestoreError(id, entry, Shorten(words.ToString()), statement?.ToString().Trim() ?? ""));
            }

            (words, statement) = (null, null);
        }
    }

    /// <summary>The server's words without what <c>pg_restore</c> puts before them, and without where in a statement it stood.</summary>
    private static string Shorten(string words) => Place().Replace(Preamble().Replace(words, ""), "").Trim();

    [GeneratedRegex("^pg_restore: from TOC entry (?<id>[0-9]+); [0-9]+ [0-9]+ (?<text>.*)$")]
    private static partial Regex Source();

    [GeneratedRegex("errors ignored on restore: (?<count>[0-9]+)")]
    private static partial Regex Total();

    [GeneratedRegex("error: ")]
    private static partial Regex Mark();

    [GeneratedRegex("^COPY failed for table \"(?<table>.*?)\": (ERROR: +)?", RegexOptions.Singleline)]
    private static partial Regex Rows();

    [GeneratedRegex("\n(LINE [0-9]|QUERY: |CONTEXT: ).*$", RegexOptions.Singleline)]
    private static partial Regex Place();

    [GeneratedRegex("^could not execute query: (ERROR: +)?")]
    private static partial Regex Preamble();
}
