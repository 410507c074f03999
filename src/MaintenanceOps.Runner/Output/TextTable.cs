using System.Text;

namespace MaintenanceOps.Runner.Output;

/// <summary>One column of a table.</summary>
internal sealed record Column<T>(string Heading, Func<T, string> Text, bool Right = false);

internal static class TextTable
{
    /// <summary>Text without control characters: a file's name must not drive the terminal that lists it.</summary>
    public static string Clean(string text)
    {
        if (!text.Any(IsUnsafe))
        {
            return text;
        }

        var clean = new StringBuilder(text.Length);
        foreach (var letter in text)
        {
            clean.Append(letter is '\n' or '\r' or '\t' ? ' ' : IsUnsafe(letter) ? '\uFFFD' : letter);
        }

        return clean.ToString();
    }

    // Bidirectional overrides make a name read as another one.
    private static bool IsUnsafe(char letter) => char.IsControl(letter) || letter is (>= '\u202A' and <= '\u202E') or (>= '\u2066' and <= '\u2069');
}

/// <summary>Records as aligned text. The last column takes what room is left; on a terminal it goes on below.</summary>
internal sealed class TextTable<T>(params Column<T>[] columns)
{
    public IEnumerable<string> Lines(IReadOnlyList<T> records, int width)
    {
        if (records.Count == 0)
        {
            yield break;
        }

        var cells = records.Select(r => columns.Select(c => TextTable.Clean(c.Text(r))).ToArray()).ToList();

        // A column with nothing in it says nothing.
        var shown = Enumerable.Range(0, columns.Length).Where(c => cells.Exists(row => row[c].Length > 0)).ToArray();
        var widths = columns.Select((c, i) => Math.Max(c.Heading.Length, cells.Max(row => row[i].Length))).ToArray();
        foreach (var row in cells.Prepend([.. columns.Select(c => c.Heading)]))
        {
            foreach (var line in Wrap(Line(row, shown, widths), shown[..^1].Sum(c => widths[c] + 2), width))
            {
                yield return line;
            }
        }
    }

    /// <summary>What does not fit goes on below, in the last column's place: it is the one that says why.</summary>
    private static IEnumerable<string> Wrap(string line, int indent, int width)
    {
        var room = width - indent;
        if (line.Length <= width || room < LeastRoom)
        {
            yield return line.Length > width ? line[..(width - 1)] + "…" : line;
            yield break;
        }

        var rest = line;
        while (rest.Length > width)
        {
            var cut = rest.LastIndexOf(' ', width, width - indent - 1);
            cut = cut > indent ? cut : width;
            yield return rest[..cut].TrimEnd();
            rest = new string(' ', indent) + rest[cut..].TrimStart();
        }

        yield return rest;
    }

    private const int LeastRoom = 20;

    private string Line(string[] row, int[] shown, int[] widths)
    {
        var line = new StringBuilder();
        foreach (var column in shown)
        {
            var last = column == shown[^1];
            line.Append(columns[column].Right ? row[column].PadLeft(widths[column]) : last ? row[column] : row[column].PadRight(widths[column]));
            line.Append(last ? "" : "  ");
        }

        return line.ToString().TrimEnd();
    }
}
