using System.Globalization;

namespace MaintenanceOps.Engine.Health.Probes.Http;

/// <summary>What an answer should be.</summary>
public sealed class HttpExpectation
{
    private readonly List<(int From, int To)> statuses;

    /// <param name="status">Which statuses are right: <c>200</c>, <c>2xx</c>, <c>200-299,401</c>. Any of 200 to 299 where it is null.</param>
    /// <param name="json">Places in a JSON answer and what should stand there.</param>
    /// <param name="body">What the answer's text should be; most often <c>~ pattern</c>.</param>
    /// <param name="headers">What headers should be.</param>
    /// <param name="size">What the number of bytes should be.</param>
    /// <exception cref="MaintenanceException"><see cref="ErrorCode.InvalidArgument"/>.</exception>
    public HttpExpectation(
        string? status = null,
        IEnumerable<KeyValuePair<string, string>>? json = null,
        string? body = null,
        IEnumerable<KeyValuePair<string, string>>? headers = null,
        string? size = null)
    {
        StatusText = status ?? "2xx";
        statuses = [.. StatusText.Split(',', StringSplitOptions.TrimEntries).Select(Range)];
        Json = [.. (json ?? []).Select(p => (JsonPath.Parse(p.Key), Expectation.Parse(p.Value)))];
        Body = body is null ? null : Expectation.Parse(body);
        Headers = [.. (headers ?? []).Select(p => (p.Key, Expectation.Parse(p.Value)))];
        Size = size is null ? null : Expectation.Parse(size);
    }

    internal string StatusText { get; }

    internal IReadOnlyList<(JsonPath Path, Expectation Wanted)> Json { get; }

    internal Expectation? Body { get; }

    internal IReadOnlyList<(string Name, Expectation Wanted)> Headers { get; }

    internal Expectation? Size { get; }

    internal bool NeedsBody => Json.Count > 0 || Body is not null || Size is not null;

    internal bool Accepts(int status) => statuses.Exists(r => status >= r.From && status <= r.To);

    private static (int From, int To) Range(string text)
    {
        if (text.Length == 3 && char.IsAsciiDigit(text[0]) && text.EndsWith("xx", StringComparison.OrdinalIgnoreCase))
        {
            var hundred = (text[0] - '0') * 100;
            return (hundred, hundred + 99);
        }

        var ends = text.Split('-');
        return ends.Length <= 2 && Code(ends[0]) is { } from && Code(ends[^1]) is { } to && from <= to
            ? (from, to)
            : throw new MaintenanceException(ErrorCode.InvalidArgument, $"'{text}' is no HTTP status. Write it as 200, 2xx, 200-299, or several with commas.", text);
    }

    private static int? Code(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code is >= 100 and <= 999 ? code : null;
}
