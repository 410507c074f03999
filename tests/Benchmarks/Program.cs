using System.Globalization;
using MaintenanceOps.Benchmarks;

// dotnet run -c Release --project tests/Benchmarks -- [--size MB] [--files N] [--rounds N] [--work DIR] [--only sqlite,files,postgres,upkeep,health,start] [--mops PATH]
CultureInfo.DefaultThreadCurrentCulture = CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var options = Options.Parse(args);
Directory.CreateDirectory(options.Work);
var mops = Tool.Mops(options.Mops);
var table = new ResultTable();
foreach (var part in options.Only)
{
    switch (part)
    {
        case "sqlite":
            new SqliteBenchmark(options, mops, table).Run();
            break;
        case "files":
            new FilesBenchmark(options, mops, table).Run();
            break;
        case "postgres":
            new PostgresBenchmark(options, mops, table).Run();
            break;
        case "upkeep":
            new SqliteUpkeepBenchmark(options, mops, table).Run();
            new UpkeepBenchmark(options, table).Run();
            break;
        case "health":
            new HealthBenchmark(options, mops, table).Run();
            break;
        case "start":
            new StartBenchmark(options, mops, table).Run();
            break;
        default:
            Console.Error.WriteLine($"--only knows sqlite, files, postgres, upkeep, health and start, not '{part}'.");
            return 2;
    }
}

Console.WriteLine();
Console.WriteLine(table.ToMarkdown());
return table.AllMet ? 0 : 1;
