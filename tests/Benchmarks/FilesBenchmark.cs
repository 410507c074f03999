namespace MaintenanceOps.Benchmarks;

/// <summary>Many small files: first snapshot and an unchanged one.</summary>
internal sealed class FilesBenchmark(Options options, string mops, ResultTable table)
{
    private readonly string tree = Path.Combine(options.Work, $"tree-{options.Files}");
    private readonly string ours = Path.Combine(options.Work, "mops-files");
    private readonly string restic = Path.Combine(options.Work, "restic-files");

    public void Run()
    {
        if (!Directory.Exists(tree))
        {
            SampleData.SmallFiles(tree, options.Files);
            Thread.Sleep(4000);
        }

        List<Cost> mine = [], restics = [], mineAgain = [], resticsAgain = [], mineBack = [], resticsBack = [];
        for (var round = 0; round < options.Rounds; round++)
        {
            Tool.Remove(ours);
            Tool.Remove(restic);
            Tool.Run(mops, "repo", "new", ours);
            Tool.Run(Restic("init"));
            mine.Add(Tool.Run(mops, "backup", tree, "--source", "app/files", "--repository", ours, "--quiet"));
            restics.Add(Tool.Run(Restic("backup", tree)));
            mineAgain.Add(Tool.Run(mops, "backup", tree, "--source", "app/files", "--repository", ours, "--quiet"));
            resticsAgain.Add(Tool.Run(Restic("backup", tree)));
            var target = Path.Combine(options.Work, "restored-files");
            mineBack.Add(Tool.Run(mops, "restore", "latest", "--source", "app/files", "--repository", ours, "--destination", target, "--quiet"));
            Tool.Remove(target);
            resticsBack.Add(Tool.Run(Restic("restore", "latest", "--target", target)));
            Tool.Remove(target);
        }

        table.Time($"{options.Files} small files, first", "restic", mine, restics, 0.5);
        table.Time($"{options.Files} small files, unchanged", "restic", mineAgain, resticsAgain, 1);
        table.Time($"{options.Files} small files, restore", "restic restore", mineBack, resticsBack, 1);
        table.Size($"{options.Files} small files, stored", "restic", Tool.SizeOf(ours), Tool.SizeOf(restic), 1.2);
        table.Limit($"{options.Files} small files, memory", ResultTable.Median(mine, c => c.PeakMiB), "MiB", 200);
    }

    private string[] Restic(params string[] words) => ["restic", "-r", restic, "--cache-dir", Path.Combine(options.Work, "cache"), .. words];
}
