using System.Text;
using System.Xml.Linq;
using MaintenanceOps.HelpBuilder;

if (args.Length != 2)
{
    Console.Error.WriteLine("usage: HelpBuilder <folder with *.md> <folder to write>");
    return 2;
}

try
{
    Directory.CreateDirectory(args[1]);
    var pages = Directory.EnumerateFiles(args[0], "*.md").Order(StringComparer.Ordinal).ToLookup(f => Path.GetFileName(f).StartsWith("about_", StringComparison.Ordinal));
    var commands = pages[false].Select(f => CommandPage.Parse(f, File.ReadAllText(f))).ToList();
    new XDocument(Maml.Of(commands)).Save(Path.Combine(args[1], "MaintenanceOps.Commands.dll-Help.xml"));
    foreach (var topic in pages[true])
    {
        // PowerShell reads topics as UTF-8 only where they begin with a mark.
        File.WriteAllText(Path.Combine(args[1], Path.GetFileNameWithoutExtension(topic) + ".help.txt"), Topic.Render(File.ReadAllText(topic)), new UTF8Encoding(true));
    }

    Console.WriteLine($"Help: {commands.Count} commands, {pages[true].Count()} topics -> {args[1]}");
    return 0;
}
catch (InvalidDataException e)
{
    Console.Error.WriteLine($"error : {e.Message}");
    return 1;
}
