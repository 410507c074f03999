using Markdig;
using Markdig.Syntax;

namespace MaintenanceOps.HelpBuilder;

/// <summary>One parameter as its section describes it.</summary>
internal sealed record ParameterSection(string Name, IReadOnlyList<string> Description, IReadOnlyDictionary<string, string> Facts)
{
    public bool IsIn(string set) => Facts["Parameter Sets"] is var sets && (sets == "(All)" || sets.Split(", ").Contains(set));

    public string Type => Facts["Type"];

    public bool IsSwitch => Type == "SwitchParameter";
}

/// <summary>An example: what was typed and what came, and a remark.</summary>
internal sealed record ExampleSection(string Title, string Code, IReadOnlyList<string> Remarks);

/// <summary>A command's page, taken apart.</summary>
internal sealed record CommandPage(
    string Name,
    IReadOnlyList<string> Synopsis,
    IReadOnlyList<string> Sets,
    IReadOnlyList<string> Description,
    IReadOnlyList<ExampleSection> Examples,
    IReadOnlyList<ParameterSection> Parameters,
    IReadOnlyList<(string Type, IReadOnlyList<string> Description)> Inputs,
    IReadOnlyList<(string Type, IReadOnlyList<string> Description)> Outputs,
    IReadOnlyList<string> Notes,
    IReadOnlyList<string> Links)
{
    private static readonly MarkdownPipeline Pipeline = new MarkdownPipelineBuilder().UseYamlFrontMatter().UsePipeTables().Build();
    private static readonly string[] Facts = ["Type", "Parameter Sets", "Aliases", "Required", "Position", "Default value", "Accept pipeline input", "Accept wildcard characters"];

    /// <exception cref="InvalidDataException">The page lacks a part.</exception>
    public static CommandPage Parse(string file, string markdown)
    {
        var document = Markdown.Parse(markdown, Pipeline);
        var name = document.OfType<HeadingBlock>().FirstOrDefault(h => h.Level == 1) is { Inline: { } title } ? PlainText.Of(title) : throw Missing(file, "a title");
        var sections = Split(document, 2);
        IReadOnlyList<Block> Section(string heading) => sections.FirstOrDefault(s => s.Title == heading).Blocks ?? throw Missing(file, $"## {heading}");
        return new CommandPage(
            name,
            Text(Section("SYNOPSIS")),
            [.. Split(Section("SYNTAX"), 3).Select(s => s.Title.Replace(" (Default)", "", StringComparison.Ordinal)).DefaultIfEmpty("(All)")],
            Text(Section("DESCRIPTION")),
            [.. Split(Section("EXAMPLES"), 3).Select(s => new ExampleSection(
                s.Title,
                string.Join("\n\n", s.Blocks.OfType<FencedCodeBlock>().Select(PlainText.Code)),
                Text(s.Blocks.Where(b => b is not FencedCodeBlock))))],
            [.. Split(Section("PARAMETERS"), 3).Where(s => s.Title.StartsWith('-')).Select(s => Parameter(file, s.Title, s.Blocks))],
            Typed(Section("INPUTS")),
            Typed(Section("OUTPUTS")),
            Text(Section("NOTES")),
            Text(Section("RELATED LINKS")));
    }

    private static ParameterSection Parameter(string file, string title, IReadOnlyList<Block> blocks)
    {
        var yaml = blocks.OfType<FencedCodeBlock>().FirstOrDefault(b => b.Info == "yaml") ?? throw Missing(file, $"the yaml of {title}");
        var facts = PlainText.Code(yaml).Split('\n').Select(l => l.Split(':', 2)).ToDictionary(p => p[0].Trim(), p => p.Length > 1 ? p[1].Trim() : "");
        return Facts.FirstOrDefault(f => !facts.ContainsKey(f)) is { } lacking
            ? throw Missing(file, $"'{lacking}' of {title}")
            : new ParameterSection(title[1..], Text(blocks.Where(b => b != yaml)), facts);
    }

    private static List<(string Type, IReadOnlyList<string> Description)> Typed(IReadOnlyList<Block> blocks) =>
        [.. Split(blocks, 3).Select(s => (s.Title, (IReadOnlyList<string>)Text(s.Blocks)))];

    private static List<string> Text(IEnumerable<Block> blocks) => [.. blocks.SelectMany(PlainText.Paragraphs).Where(p => p.Length > 0)];

    /// <summary>The blocks below each heading of a level.</summary>
    private static List<(string Title, IReadOnlyList<Block> Blocks)> Split(IEnumerable<Block> blocks, int level)
    {
        var sections = new List<(string Title, IReadOnlyList<Block> Blocks)>();
        List<Block>? current = null;
        foreach (var block in blocks)
        {
            if (block is HeadingBlock heading && heading.Level == level)
            {
                current = [];
                sections.Add((PlainText.Of(heading.Inline!), current));
            }
            else
            {
                current?.Add(block);
            }
        }

        return sections;
    }

    private static InvalidDataException Missing(string file, string what) => new($"{file}: {what} is missing.");
}
