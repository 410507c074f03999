using System.Globalization;
using YamlDotNet.RepresentationModel;

namespace MaintenanceOps.Engine.Plans;

/// <summary>A group of keys in a plan, read key by key; every complaint names file, line and key.</summary>
internal sealed class PlanMap(string file, string name, YamlMappingNode node)
{
    /// <summary>The group's own name, such as <c>health.checks.api</c>.</summary>
    public string Name => name;

    public string Folder => Path.GetDirectoryName(file)!;

    public IEnumerable<string> Keys => node.Children.Keys.Select(k => k is YamlScalarNode { Value: { } text } ? text : throw Wrong(k, $"{(name.Length > 0 ? $"'{name}'" : "the plan")} has a key that is no single word."));

    /// <summary>Complains about a key that nobody knows, and names the nearest that there is.</summary>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.PlanInvalid"/>.</exception>
    public void Allow(params IEnumerable<string> known)
    {
        var names = known.ToArray();
        foreach (var key in node.Children.Keys)
        {
            var text = (key as YamlScalarNode)?.Value ?? "";
            if (!names.Contains(text, StringComparer.Ordinal))
            {
                var nearest = names.MinBy(n => Distance(text, n));
                throw Wrong(key, $"{(name.Length > 0 ? $"'{name}'" : "a plan")} has no key '{text}'.{(nearest is not null && Distance(text, nearest) <= Math.Min(3, text.Length / 2) ? $" Did you mean '{nearest}'?" : $" There are: {string.Join(", ", names)}.")}");
            }
        }
    }

    public bool Has(string key) => Find(key) is not null;

    /// <summary>Text with its references to secrets resolved; null where the key is missing.</summary>
    public string? Text(string key) => Find(key) switch
    {
        null => null,
        YamlScalarNode scalar => PlanReference.Resolve(scalar.Value ?? "", Folder, problem => Wrong(scalar, $"'{Full(key)}': {problem}")),
        var other => throw Wrong(other, $"'{Full(key)}' should be a single value."),
    };

    public string Required(string key) => Text(key) is { Length: > 0 } text ? text : throw Wrong(node, $"{(name.Length > 0 ? $"'{name}'" : "The plan")} needs '{key}'.");

    /// <summary>A secret. A reference that was written in another form than a plan's would be taken for the secret itself, so it is refused.</summary>
    public string? Secret(string key)
    {
        var text = Text(key);
        var isLiteral = (Find(key) as YamlScalarNode)?.Value == text;
        return text is not null && isLiteral && (text.StartsWith("env:", StringComparison.Ordinal) || text.StartsWith("file:", StringComparison.Ordinal) || text.StartsWith('$'))
            ? throw Wrong(Find(key)!, $"'{Full(key)}' is no reference that a plan knows. Write ${{env:NAME}} or ${{file:path}}.")
            : text;
    }

    /// <summary>A path, from the plan's folder on.</summary>
    public string? PathOf(string key) => Text(key) is not { } text
        ? null
        : text.Contains('\0', StringComparison.Ordinal) ? throw Wrong(key, "it is no path.")
        : SecretText.IsConnection(text) && !Path.Exists(Path.GetFullPath(text, Folder)) ? throw Wrong(key, "it is a connection string and no path. Write it as 'connection', with ${env:NAME} for what is secret.")
        : Path.GetFullPath(text, Folder);

    /// <summary>A line for the shell, as it stands.</summary>
    public string? Line(string key) => Find(key) switch
    {
        null => null,
        YamlScalarNode { Value: { Length: > 0 } line } scalar => WithoutReference(scalar, line, key),
        var other => throw Wrong(other, $"'{Full(key)}' should be a line for the shell."),
    };

    public TimeSpan? Time(string key) => Read(key, text => Duration.TryParse(text, out var duration) ? duration : (TimeSpan?)null, "a duration such as 90s, 5m, 24h or 7d");

    public int? Number(string key) => Read(key, text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : (int?)null, "a whole number");

    public double? Fraction(string key) => Read(key, text => double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) ? number : (double?)null, "a number");

    public bool? Flag(string key) => Read(key, text => text switch { "true" => true, "false" => false, _ => (bool?)null }, "true or false");

    /// <summary>What a parser of the engine makes of it; its complaint is told with the line.</summary>
    public T? Parsed<T>(string key, Func<string, T> parse)
        where T : struct
    {
        if (Text(key) is not { } text)
        {
            return null;
        }

        try
        {
            return parse(text);
        }
        catch (MaintenanceException e) when (e.Code == ErrorCode.InvalidArgument)
        {
            throw Wrong(Find(key)!, $"'{Full(key)}': {e.Message}");
        }
    }

    /// <summary>One value, or several in a list.</summary>
    public IReadOnlyList<string> List(string key) => Find(key) switch
    {
        null => [],
        YamlSequenceNode { Children.Count: 0 } empty => throw Wrong(empty, $"'{Full(key)}' is an empty list."),
        YamlSequenceNode sequence => [.. sequence.Children.Select(c => c is YamlScalarNode { Value: { } one } ? WithoutReference(c, one, key) : throw Wrong(c, $"'{Full(key)}' should be a list of single values."))],
        _ => [Line(key)!],
    };

    public bool IsList(string key) => Find(key) is YamlSequenceNode;

    public PlanMap? Map(string key) => Find(key) switch
    {
        null => null,
        YamlMappingNode map => new PlanMap(file, Full(key), map),
        var other => throw Wrong(other, $"'{Full(key)}' should have keys of its own."),
    };

    public bool IsMap(string key) => Find(key) is YamlMappingNode;

    /// <summary>All keys with their values.</summary>
    public IReadOnlyDictionary<string, string> Pairs() => Keys.ToDictionary(k => k, k => Text(k) ?? "", StringComparer.Ordinal);

    /// <summary>A complaint about a key of this group.</summary>
    public MaintenanceException Wrong(string key, string message) => Wrong(Find(key) ?? node, $"'{Full(key)}': {message}");

    private T? Read<T>(string key, Func<string, T?> parse, string what)
        where T : struct =>
        Text(key) is { } text ? parse(text) ?? throw Wrong(Find(key)!, $"'{Full(key)}' is {(SecretText.IsLikely(text) ? "something else" : $"'{text}'")}, and should be {what}.") : null;

    /// <summary>The arguments of a program can be read by everybody on the machine, so no secret is put among them.</summary>
    private string WithoutReference(YamlNode at, string text, string key) => PlanReference.IsIn(text)
        ? throw Wrong(at, $"'{Full(key)}' would show what it refers to to everybody who lists processes. Let the program read its environment: in a line for the shell, write $NAME.")
        : text;

    private YamlNode? Find(string key) => node.Children.TryGetValue(new YamlScalarNode(key), out var value) ? value : null;

    private string Full(string key) => name.Length > 0 ? $"{name}.{key}" : key;

    private MaintenanceException Wrong(YamlNode at, string message) => new(ErrorCode.PlanInvalid, $"{file} line {at.Start.Line}: {message}", file);

    /// <summary>How many letters have to be changed (Levenshtein).</summary>
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(row[j] + 1, row[j - 1] + 1), diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[^1];
    }
}
