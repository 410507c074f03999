using MaintenanceOps.Engine.Storage;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace MaintenanceOps.Engine.Plans;

/// <summary>
/// A plan as it lies on the disk: YAML whose depth and size are bounded before anything is made of it, because it may come
/// from anywhere.
/// </summary>
public sealed class PlanFile
{
    private const int MostBytes = 1 << 20;
    private const int Deepest = 32;

    /// <summary>The sections of a plan. Those that this version does not use yet are let be.</summary>
    private static readonly string[] Sections =
    [
        "app", "timeZone", "objectives", "databases", "files", "components", "repositories", "backup", "verify", "hooks", "health",
        "maintenance", "optimize", "alerts", "metrics", "schedule", "logs", "cache", "security", "upgrade", "incident",
    ];

    private PlanFile(string path, PlanMap root)
    {
        Location = path;
        Root = root;
        App = root.Required("app");
    }

    /// <summary>The file.</summary>
    public string Location { get; }

    /// <summary>The application's name.</summary>
    public string App { get; }

    /// <summary>The flag file of maintenance mode; null where the plan names none.</summary>
    public string? MaintenanceFlag => Root.Map("maintenance")?.PathOf("flag");

    /// <summary>What it says.</summary>
    internal PlanMap Root { get; }

    /// <summary>Whether a path is called as plans are.</summary>
    public static bool IsNamed(string path) => Path.GetExtension(path) is ".yaml" or ".yml";

    /// <summary>Reads a plan.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>, or the file cannot be read.</exception>
    public static PlanFile Load(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var full = Path.GetFullPath(path);
        var text = Read(full);
        try
        {
            Bound(text, full);
            var stream = new YamlStream();
            stream.Load(new StringReader(text));
            if (stream.Documents is not [{ RootNode: YamlMappingNode root }])
            {
                throw new MaintenanceException(ErrorCode.PlanInvalid, $"'{full}' is no plan: it should be one YAML document with keys such as 'app'.", full);
            }

            var map = new PlanMap(full, "", root);
            map.Allow(Sections);
            return new PlanFile(full, map);
        }
        catch (YamlException e)
        {
            throw new MaintenanceException(ErrorCode.PlanInvalid, $"'{full}' line {e.Start.Line} cannot be read as YAML: {e.Message}", full, e);
        }
    }

    private static string Read(string path)
    {
        var text = GivenFile.Text(path, "read");
        return text.Length <= MostBytes ? text : throw new MaintenanceException(ErrorCode.PlanInvalid, $"'{path}' is larger than {ByteSize.Format(MostBytes)}. Is it a plan?", path);
    }

    /// <summary>Deep nesting would exhaust the stack, and aliases can unfold without end.</summary>
    private static void Bound(string text, string path)
    {
        var parser = new Parser(new StringReader(text));
        var depth = 0;
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > Deepest || parser.Current is AnchorAlias)
            {
                throw new MaintenanceException(ErrorCode.PlanInvalid, $"'{path}' line {parser.Current.Start.Line}: {(depth > Deepest ? "this is nested too deep for a plan" : "a plan has no aliases; write it out")}.", path);
            }
        }
    }
}
