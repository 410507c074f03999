namespace MaintenanceOps.Benchmarks;

/// <summary>One large SQLite file: first snapshot, unchanged, after a thousand changed rows, restore, full verification.</summary>
internal sealed class SqliteBenchmark(Options options, string mops, ResultTable table)
{
    private readonly string database = Path.Combine(options.Work, $"sample-{options.Size}.db");
    private readonly string ours = Path.Combine(options.Work, "mops");
    private readonly string restic = Path.Combine(options.Work, "restic");
    private readonly string borg = Path.Combine(options.Work, "borg");

    public void Run()
    {
        if (!File.Exists(database))
        {
            SampleData.Database(database, options.Size);
        }

        SampleData.Settle(database);
        First();
        Unchanged();
        Changed();
        Restore();
        Verify();
    }

    private string[] Ours(params string[] words) => [mops, .. words, "--repository", ours, "--quiet"];

    private string[] Restic(params string[] words) => ["restic", "-r", restic, "--cache-dir", Path.Combine(options.Work, "cache"), .. words];

    private void First()
    {
        List<Cost> mine = [], copies = [], restics = [], borgs = [];
        var plain = Path.Combine(options.Work, "plain.db");
        long zipped = 0;
        for (var round = 0; round < options.Rounds; round++)
        {
            Tool.Remove(ours);
            Tool.Remove(plain + ".zst");
            Tool.Run([mops, "repo", "new", ours]);
            mine.Add(Tool.Run(Ours("backup", database, "--source", "app/main")));
            copies.Add(Tool.Shell($"sqlite3 '{database}' \".backup '{plain}'\" && zstd -q -3 -T2 --rm -f '{plain}'"));
            zipped = Tool.SizeOf(plain + ".zst");
            if (Tool.Has("restic"))
            {
                Tool.Remove(restic);
                Tool.Run(Restic("init"));
                restics.Add(Tool.Run(Restic("backup", database)));
            }

            if (Tool.Has("borg"))
            {
                Tool.Remove(borg);
                Tool.Run("borg", "init", "-e", "repokey", borg);
                borgs.Add(Tool.Run("borg", "create", "-C", "zstd,3", "--chunker-params", "fixed,16384", borg + "::first", database));
            }
        }

        var peer = "`sqlite3 .backup` + `zstd -3 -T2`";
        table.Time("first snapshot, time", peer, mine, copies, 0.75);
        table.Size("first snapshot, stored", peer, Tool.SizeOf(ours), zipped, 1.2);
        table.Limit("first snapshot, memory", ResultTable.Median(mine, c => c.PeakMiB), "MiB", 200);
        if (restics.Count > 0)
        {
            table.Time("first snapshot, time", "restic", mine, restics, 1);
            table.Size("first snapshot, stored", "restic", Tool.SizeOf(ours), Tool.SizeOf(restic), 1.2);
        }

        if (borgs.Count > 0)
        {
            table.Time("first snapshot, time", "borg fixed,16384", mine, borgs, 1);
        }
    }

    private void Unchanged()
    {
        // The first run after the settling records the state that the next ones find again.
        Tool.Run(Ours("backup", database, "--source", "app/main"));
        List<Cost> mine = [], restics = [];
        for (var round = 0; round < options.Rounds; round++)
        {
            mine.Add(Tool.Run(Ours("backup", database, "--source", "app/main")));
            restics.Add(Tool.Run(Restic("backup", "--force", database)));
        }

        table.Time("unchanged, time", "restic --force", mine, restics, 0.05, reference: 6.4);
    }

    private void Changed()
    {
        List<Cost> mine = [], restics = [], borgs = [];
        long stored = 0, resticStored = 0;
        for (var round = 0; round < options.Rounds; round++)
        {
            SampleData.ChangeRows(database);
            var (before, resticBefore) = (Tool.SizeOf(ours), Tool.SizeOf(restic));
            mine.Add(Tool.Run(Ours("backup", database, "--source", "app/main")));
            restics.Add(Tool.Run(Restic("backup", database)));
            stored += Tool.SizeOf(ours) - before;
            resticStored += Tool.SizeOf(restic) - resticBefore;
            if (Tool.Has("borg"))
            {
                borgs.Add(Tool.Run("borg", "create", "-C", "zstd,3", "--chunker-params", "fixed,16384", $"{borg}::change{round}", database));
            }
        }

        table.Time("after 1,000 changed rows, time", "restic", mine, restics, 0.1, reference: 14);
        table.Size("after 1,000 changed rows, stored", "restic", stored / options.Rounds, resticStored / options.Rounds, 1 / 40.0);
        if (borgs.Count > 0)
        {
            table.Time("after 1,000 changed rows, time", "borg fixed,16384", mine, borgs, 1);
        }
    }

    private void Restore()
    {
        List<Cost> mine = [], restics = [];
        var target = Path.Combine(options.Work, "restored");
        for (var round = 0; round < options.Rounds; round++)
        {
            Tool.Remove(target);
            mine.Add(Tool.Run(Ours("restore", "latest", "--source", "app/main", "--destination", Path.Combine(target, "out.db"))));
            Tool.Remove(target);
            restics.Add(Tool.Run(Restic("restore", "latest", "--target", target)));
        }

        Tool.Remove(target);
        table.Time("restore, time", "restic restore", mine, restics, 0.4, reference: 7.9);
        table.Limit("restore, memory", ResultTable.Median(mine, c => c.PeakMiB), "MiB", 200);
    }

    private void Verify()
    {
        List<Cost> mine = [], restics = [];
        for (var round = 0; round < options.Rounds; round++)
        {
            mine.Add(Tool.Run([mops, "repo", "test", ours, "--level", "full", "--quiet"]));
            restics.Add(Tool.Run(Restic("check", "--read-data")));
        }

        table.Time("full verification, time", "restic check --read-data", mine, restics, 0.4, reference: 11.7);
    }
}
