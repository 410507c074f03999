using System.Globalization;
using System.Text;
using MaintenanceOps.Engine.Health;

namespace MaintenanceOps.Commands.Health;

/// <summary>The table of a watch: where it is live it takes the place of the one before, elsewhere it stands below it.</summary>
internal sealed class HealthTable(bool isLive)
{
    private const string Home = "\u001b[H\u001b[J";
    private const int LeastWidth = 60;
    private readonly Dictionary<string, (HealthStatus Status, DateTimeOffset Since)> seen = new(StringComparer.Ordinal);

    public string Draw(IReadOnlyList<HealthResult> results, int width)
    {
        var text = new StringBuilder(isLive ? Home : "");
        var room = Math.Max(LeastWidth, width) - 1;
        var names = Math.Min(32, Math.Max(4, results.Max(r => r.Name.Length)));
        text.AppendLine(Cut(string.Create(CultureInfo.InvariantCulture, $"{DateTime.Now:yyyy-MM-dd HH:mm:ss}  {results.Count(r => HealthJudgement.IsUp(r, strict: false))} of {results.Count} up"), room));
        text.AppendLine(Cut($"{"Name".PadRight(names)}  Status     {"Latency",8}  {"For",8}  Reason", room));
        foreach (var result in results)
        {
            var line = $"{Cut(result.Name, names).PadRight(names)}  {result.Status,-9}  {Duration.Format(result.Latency),8}  {Duration.Format(For(result)),8}  {result.Reason}";
            text.Append(isLive ? ColourOf(result.Status) : "").Append(Cut(Plain(line), room)).AppendLine(isLive ? "\u001b[0m" : "");
        }

        return text.ToString();
    }

    /// <summary>The same colours as the format view.</summary>
    private static string ColourOf(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => "\u001b[32m",
        HealthStatus.Degraded => "\u001b[33m",
        HealthStatus.Unhealthy => "\u001b[31m",
        _ => "\u001b[35m",
    };

    private TimeSpan For(HealthResult result)
    {
        if (!seen.TryGetValue(result.Name, out var before) || before.Status != result.Status)
        {
            seen[result.Name] = before = (result.Status, result.At);
        }

        return result.At - before.Since;
    }

    private static string Cut(string text, int width) => text.Length > width ? text[..(width - 1)] + "…" : text;

    /// <summary>A reason repeats what a server said; it must not drive the terminal.</summary>
    private static string Plain(string text) => new([.. text.Select(c => char.IsControl(c) ? ' ' : c)]);
}
