using System.Text;
using Markdig;
using Markdig.Extensions.Tables;
using Markdig.Syntax;

namespace MaintenanceOps.HelpBuilder;

/// <summary>An about_ topic as the text that Get-Help shows.</summary>
internal static class Topic
{
    private const int Width = 76;
    private const string Indent = "    ";
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UsePipeTables().Build();

    public static string Render(string markdown)
    {
        var text = new StringBuilder();
        foreach (var block in Markdown.Parse(markdown, Pipeline))
        {
            switch (block)
            {
                case HeadingBlock { Level: 1 } title:
                    text.Append("TOPIC\n").Append(Indent).Append(PlainText.Of(title.Inline!)).Append("\n\n");
                    break;
                case HeadingBlock heading:
                    text.Append(PlainText.Of(heading.Inline!).ToUpperInvariant()).Append('\n');
                    break;
                case CodeBlock code:
                    AppendLines(text, PlainText.Code(code).Split('\n').Select(l => Indent + l));
                    break;
                case Table table:
                    AppendLines(text, Columns(table));
                    break;
                case ListBlock list:
                    AppendLines(text, PlainText.Paragraphs(list).SelectMany(i => Wrap(i, "  ")));
                    break;
                default:
                    AppendLines(text, PlainText.Paragraphs(block).SelectMany(p => Wrap(p, "")));
                    break;
            }
        }

        return text.ToString();
    }

    private static void AppendLines(StringBuilder text, IEnumerable<string> lines)
    {
        foreach (var line in lines)
        {
            text.Append((Indent + line).TrimEnd()).Append('\n');
        }

        text.Append('\n');
    }

    private static IEnumerable<string> Wrap(string paragraph, string hanging)
    {
        var line = new StringBuilder();
        foreach (var word in paragraph.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length > hanging.Length && line.Length + 1 + word.Length > Width)
            {
                yield return line.ToString();
                line.Clear().Append(hanging);
            }

            line.Append(line.Length > 0 && line[^1] != ' ' ? " " : "").Append(word);
        }

        yield return line.ToString();
    }

    private static IEnumerable<string> Columns(Table table)
    {
        var rows = table.OfType<TableRow>().Select(r => r.OfType<TableCell>().Select(c => string.Join(" ", c.SelectMany(PlainText.Paragraphs))).ToList()).ToList();
        var first = rows.Max(r => r[0].Length) + 2;
        var hanging = new string(' ', first);
        return rows.SelectMany(r => Wrap(string.Join("; ", r.Skip(1)), "")
            .SelectMany(l => Rewrap(l, Width - first))
            .Select((l, i) => (i == 0 ? r[0].PadRight(first) : hanging) + l));
    }

    private static IEnumerable<string> Rewrap(string line, int width)
    {
        while (line.Length > width && line.LastIndexOf(' ', width) is > 0 and var space)
        {
            yield return line[..space];
            line = line[(space + 1)..];
        }

        yield return line;
    }
}
