using System.Text;

namespace MaintenanceOps.Benchmarks;

/// <summary>The figures, ours against a peer's, with the bar that the ratio has to stay under.</summary>
internal sealed class ResultTable
{
    private readonly List<(string Work, string Peer, string Ours, string Theirs, double Ratio, double Bar)> rows = [];

    public bool AllMet => rows.TrueForAll(r => r.Ratio <= r.Bar);

    public void Time(string work, string peer, IReadOnlyList<Cost> ours, IReadOnlyList<Cost> theirs, double bar)
    {
        var (a, b) = (Median(ours, c => c.Seconds), Median(theirs, c => c.Seconds));
        Add(work, peer, $"{a:0.00} s", $"{b:0.00} s", a / b, bar);
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
            text.AppendLine($"| {r.Work} | {r.Ours} | {r.Theirs} | {r.Peer} | {r.Ratio:0.000} | {r.Bar:0.###} | {(r.Ratio <= r.Bar ? "met" : "MISSED")} |");
        }

        return text.ToString();
    }

    public static double Median(IReadOnlyList<Cost> costs, Func<Cost, double> value)
    {
        var sorted = costs.Select(value).Order().ToList();
        return sorted[sorted.Count / 2];
    }

    private void Add(string work, string peer, string ours, string theirs, double ratio, double bar)
    {
        rows.Add((work, peer, ours, theirs, ratio, bar));
        Console.WriteLine($"{work}: {ours} against {theirs} ({peer}): {ratio:0.000}, bar {bar:0.###}");
    }
}
