using System.Xml.Linq;

namespace MaintenanceOps.HelpBuilder;

/// <summary>Writes command pages in the XML that Get-Help reads.</summary>
internal static class Maml
{
    private static readonly XNamespace Msh = "http://msh";
    private static readonly XNamespace Text = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    public static XElement Of(IEnumerable<CommandPage> pages) => new(
        Msh + "helpItems",
        new XAttribute("schema", "maml"),
        pages.Select(Of));

    private static XElement Of(CommandPage page) => new(
        Command + "command",
        new XAttribute(XNamespace.Xmlns + "maml", Text),
        new XAttribute(XNamespace.Xmlns + "command", Command),
        new XAttribute(XNamespace.Xmlns + "dev", Dev),
        new XElement(
            Command + "details",
            new XElement(Command + "name", page.Name),
            new XElement(Command + "verb", page.Name.Split('-')[0]),
            new XElement(Command + "noun", page.Name.Split('-')[1]),
            Described(page.Synopsis)),
        Described(page.Description),
        new XElement(Command + "syntax", page.Sets.Select(set => Syntax(page, set))),
        new XElement(Command + "parameters", page.Parameters.OrderBy(p => p.Name, StringComparer.Ordinal).Select(p => Parameter(p, inSyntax: false))),
        new XElement(Command + "inputTypes", page.Inputs.Select(i => new XElement(Command + "inputType", TypeOf(i.Type), Described(i.Description)))),
        new XElement(Command + "returnValues", page.Outputs.Select(o => new XElement(Command + "returnValue", TypeOf(o.Type), Described(o.Description)))),
        new XElement(Text + "alertSet", new XElement(Text + "alert", Paragraphs(page.Notes))),
        new XElement(Command + "examples", page.Examples.Select(Example)),
        new XElement(Command + "relatedLinks", page.Links.Select(l => new XElement(Text + "navigationLink", new XElement(Text + "linkText", l.TrimStart('-', ' ')), new XElement(Text + "uri")))));

    private static XElement Syntax(CommandPage page, string set) => new(
        Command + "syntaxItem",
        new XElement(Text + "name", page.Name),
        page.Parameters
            .Where(p => set == "(All)" || p.IsIn(set))
            .OrderBy(p => int.TryParse(p.Facts["Position"], out var position) ? position : int.MaxValue)
            .Select(p => Parameter(p, inSyntax: true)));

    private static XElement Parameter(ParameterSection parameter, bool inSyntax) => new(
        Command + "parameter",
        new XAttribute("required", Lower(parameter, "Required")),
        new XAttribute("variableLength", "true"),
        new XAttribute("globbing", Lower(parameter, "Accept wildcard characters")),
        new XAttribute("pipelineInput", parameter.Facts["Accept pipeline input"]),
        new XAttribute("position", parameter.Facts["Position"].ToLowerInvariant()),
        new XAttribute("aliases", parameter.Facts["Aliases"] is { Length: > 0 } aliases ? aliases : "none"),
        new XElement(Text + "name", parameter.Name),
        Described(parameter.Description),
        inSyntax && parameter.IsSwitch ? null : new XElement(Command + "parameterValue", new XAttribute("required", parameter.IsSwitch ? "false" : "true"), new XAttribute("variableLength", "false"), parameter.Type),
        new XElement(Dev + "type", new XElement(Text + "name", parameter.Type), new XElement(Text + "uri")),
        new XElement(Dev + "defaultValue", parameter.Facts["Default value"]));

    private static XElement Example(ExampleSection example) => new(
        Command + "example",
        new XElement(Text + "title", example.Title),
        new XElement(Dev + "code", example.Code),
        new XElement(Dev + "remarks", Paragraphs(example.Remarks)));

    private static XElement TypeOf(string name) => new(Dev + "type", new XElement(Text + "name", name));

    private static XElement Described(IEnumerable<string> paragraphs) => new(Text + "description", Paragraphs(paragraphs));

    private static IEnumerable<XElement> Paragraphs(IEnumerable<string> paragraphs) => paragraphs.Select(p => new XElement(Text + "para", p));

    private static string Lower(ParameterSection parameter, string fact) => parameter.Facts[fact].ToLowerInvariant();
}
