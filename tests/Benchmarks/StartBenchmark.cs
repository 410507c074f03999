namespace MaintenanceOps.Benchmarks;

/// <summary>How long it takes until something happens: the runner's start, and the module's import in a real pwsh.</summary>
internal sealed class StartBenchmark(Options options, string mops, ResultTable table)
{
    public void Run()
    {
        var starts = Enumerable.Range(0, options.Rounds * 3).Select(_ => Tool.Run(mops, "--version")).ToList();
        table.Limit("mops --version", ResultTable.Median(starts, c => c.Seconds) * 1000, "ms", 100);
        var root = AppContext.BaseDirectory[..AppContext.BaseDirectory.IndexOf("artifacts", StringComparison.Ordinal)];
        var manifest = Directory.Exists(Path.Combine(root, "out"))
            ? Directory.EnumerateFiles(Path.Combine(root, "out"), "MaintenanceOps.psd1", SearchOption.AllDirectories).FirstOrDefault()
            : null;
        if (manifest is null || !Tool.Has("pwsh"))
        {
            Console.WriteLine("module import: not measured, for there is no pwsh or no built module");
            return;
        }

        // Two sessions that differ in the import alone.
        var with = Enumerable.Range(0, options.Rounds * 3).Select(_ => Tool.Run("pwsh", "-NoProfile", "-Command", $"Import-Module '{manifest}'")).ToList();
        var without = Enumerable.Range(0, options.Rounds * 3).Select(_ => Tool.Run("pwsh", "-NoProfile", "-Command", "$null")).ToList();
        var difference = ResultTable.Median(with, c => c.Seconds) - ResultTable.Median(without, c => c.Seconds);
        table.Limit("module import", Math.Max(0, difference * 1000), "ms", 150);
    }
}
