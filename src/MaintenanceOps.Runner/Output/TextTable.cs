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

/// <summary>Records as aligned text. The last column takes what room is left, and is cut on a terminal only.</summary>
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
        yield return Line(columns.Select(c => c.Heading).ToArray(), shown, widths, width);
        foreach (var row in cells)
        {
            yield return Line(row, shown, widths, width);
        }
    }

    private string Line(string[] row, int[] shown, int[] widths, int width)
    {
        var line = new StringBuilder();
        foreach (var column in shown)
        {
            var last = column == shown[^1];
            line.Append(columns[column].Right ? row[column].PadLeft(widths[column]) : last ? row[column] : row[column].PadRight(widths[column]));
            line.Append(last ? "" : "  ");
        }

        var text = line.ToString().TrimEnd();
        return text.Length > width ? text[..(width - 1)] + "…" : text;
    }
}
