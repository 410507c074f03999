using System.Text;
using Markdig.Extensions.Tables;
using Markdig.Syntax;
using Markdig.Syntax.Inlines;

namespace MaintenanceOps.HelpBuilder;

/// <summary>Markdown as text without marks.</summary>
internal static class PlainText
{
    /// <summary>The block's paragraphs; a list's items are paragraphs that begin with a dash.</summary>
    public static IEnumerable<string> Paragraphs(Block block) => block switch
    {
        ListBlock list => list.OfType<ListItemBlock>().Select(item => "- " + string.Join(" ", item.SelectMany(Paragraphs))),
        Table table => table.OfType<TableRow>().Select(row => string.Join(" | ", row.OfType<TableCell>().Select(cell => string.Join(" ", cell.SelectMany(Paragraphs))))),
        ContainerBlock container => container.SelectMany(Paragraphs),
        CodeBlock code => [Code(code)],
        LeafBlock { Inline: { } inline } => [Of(inline)],
        _ => [],
    };

    public static string Of(ContainerInline inlines)
    {
        var text = new StringBuilder();
        foreach (var inline in inlines)
        {
            text.Append(inline switch
            {
                LiteralInline literal => literal.Content.ToString(),
                CodeInline code => code.Content,
                LineBreakInline => " ",
                HtmlEntityInline entity => entity.Transcoded.ToString(),
                ContainerInline nested => Of(nested),
                _ => "",
            });
        }

        return text.ToString();
    }

    public static string Code(CodeBlock block) => block.Lines.ToString().TrimEnd();
}
