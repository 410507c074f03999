using System.Globalization;
using System.Text.Json;

namespace MaintenanceOps.Engine.Health;

/// <summary>A place in a JSON document: <c>status</c>, <c>checks.db.state</c>, <c>queues[0].length</c>, <c>['a.b'].c</c>, <c>items.length()</c>.</summary>
internal sealed class JsonPath
{
    private const string Length = "length()";
    private readonly List<object> steps = [];
    private readonly string text;

    private JsonPath(string text) => this.text = text;

    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public static JsonPath Parse(string text)
    {
        var path = new JsonPath(text);
        var rest = text.StartsWith('$') ? text[1..] : text;
        while (rest.Length > 0)
        {
            rest = path.Take(rest);
        }

        return path;
    }

    /// <summary>The value there as text (objects and arrays as JSON); null where the document has no such place.</summary>
    public string? Find(JsonElement element)
    {
        foreach (var step in steps)
        {
            if (step is Length && element.ValueKind == JsonValueKind.Array)
            {
                return element.GetArrayLength().ToString(CultureInfo.InvariantCulture);
            }

            var found = step switch
            {
                int index when element.ValueKind == JsonValueKind.Array && index < element.GetArrayLength() => element[index],
                string name when element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var property) => property,
                _ => default(JsonElement?),
            };
            if (found is not { } next)
            {
                return null;
            }

            element = next;
        }

        return element.ValueKind switch
        {
            JsonValueKind.String => element.GetString(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            JsonValueKind.Null => "null",
            _ => element.GetRawText(),
        };
    }

    public override string ToString() => text;

    /// <summary>Takes one step from the front and gives what is left.</summary>
    private string Take(string rest)
    {
        if (rest.StartsWith('['))
        {
            var end = rest.IndexOf(']', StringComparison.Ordinal);
            var inside = end > 0 ? rest[1..end] : "";
            if (int.TryParse(inside, NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            {
                steps.Add(index);
                return rest[(end + 1)..];
            }

            if (inside.Length > 2 && inside[0] is '\'' or '"' && inside[^1] == inside[0])
            {
                steps.Add(inside[1..^1]);
                return rest[(end + 1)..];
            }
        }
        else
        {
            var name = rest.StartsWith('.') ? rest[1..] : rest;
            var end = name.IndexOfAny(['.', '[']);
            var step = end < 0 ? name : name[..end];
            if (step.Length > 0)
            {
                steps.Add(step);
                return end < 0 ? "" : name[end..];
            }
        }

        throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no path into JSON. Write it as status, checks.db.state or queues[0].length.", text);
    }
}
