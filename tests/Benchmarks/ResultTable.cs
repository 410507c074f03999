using System.Text;

namespace MaintenanceOps.Benchmarks;

/// <summary>The figures, ours against a peer's, with the bar that the ratio has to stay under.</summary>
internal sealed class ResultTable
{
    private readonly List<(string Work, string Peer, string Ours, string Theirs, double Ratio, double Bar, string Verdict)> rows = [];

    public bool AllMet => rows.TrueForAll(r => r.Verdict != Missed);

    private const string Missed = "MISSED";

    /// <param name="work">What was done.</param>
    /// <param name="peer">By whom else.</param>
    /// <param name="ours">Our runs.</param>
    /// <param name="theirs">The peer's runs.</param>
    /// <param name="bar">The share of the peer's time that ours may take.</param>
    /// <param name="reference">
    /// The peer's seconds where the bar was set (docs/decisions/0002-speed-bars.md). A peer may be faster here than the
    /// work's floor allows; then the seconds that the bar stood for are what counts, and the table says so.
    /// </param>
    public void Time(string work, string peer, IReadOnlyList<Cost> ours, IReadOnlyList<Cost> theirs, double bar, double reference = 0)
    {
        var (a, b) = (Median(ours, c => c.Seconds), Median(theirs, c => c.Seconds));
        var verdict = a <= bar * b ? "met" : a <= bar * reference ? $"met as {bar * reference:0.00} s" : Missed;
        Add(work, peer, $"{a:0.00} s", $"{b:0.00} s", a / b, bar, verdict);
    }

    public void Size(string work, string peer, long ours, long theirs, double bar) =>
        Add(work, peer, $"{ours / 1e6:0.0} MB", $"{theirs / 1e6:0.0} MB", (double)ours / Math.Max(1, theirs), bar);

    public void Limit(string work, double value, string unit, double limit) =>
        Add(work, "limit", $"{value:0} {unit}", $"{limit:0} {unit}", value / limit, 1);

    public string ToMarkdown()
    {
        var text = new StringBuilder("| work | ours | peer | | ratio | bar | |\n|---|---|---|---|---|---|---|\n");
        foreach (var r in rows)
        {
            text.AppendLine($"| {r.Work} | {r.Ours} | {r.Theirs} | {r.Peer} | {r.Ratio:0.000} | {r.Bar:0.###} | {r.Verdict} |");
        }

        return text.ToString();
    }

    public static double Median(IReadOnlyList<Cost> costs, Func<Cost, double> value)
    {
        var sorted = costs.Select(value).Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private void Add(string work, string peer, string ours, string theirs, double ratio, double bar, string? verdict = null)
    {
        rows.Add((work, peer, ours, theirs, ratio, bar, verdict ?? (ratio <= bar ? "met" : Missed)));
        Console.WriteLine($"{work}: {ours} against {theirs} ({peer}): {ratio:0.000}, bar {bar:0.###}");
    }
}
