using System.Globalization;

namespace MaintenanceOps.Benchmarks;

/// <summary>What to measure, how much of it, and where.</summary>
internal sealed record Options
{
    /// <summary>The size of the SQLite file in millions of bytes.</summary>
    public int Size { get; init; } = 500;

    /// <summary>How many small files.</summary>
    public int Files { get; init; } = 50_000;

    /// <summary>How often each pair is measured; the median counts.</summary>
    public int Rounds { get; init; } = 3;

    public string Work { get; init; } = Path.Combine(Path.GetTempPath(), "mops-benchmarks");

    public string[] Only { get; init; } = ["sqlite", "files", "postgres", "upkeep", "health", "start"];

    public string? Mops { get; init; }

    public static Options Parse(string[] args)
    {
        var options = new Options();
        for (var i = 0; i + 1 < args.Length; i += 2)
        {
            var value = args[i + 1];
            options = args[i] switch
            {
                "--size" => options with { Size = int.Parse(value, CultureInfo.InvariantCulture) },
                "--files" => options with { Files = int.Parse(value, CultureInfo.InvariantCulture) },
                "--rounds" => options with { Rounds = int.Parse(value, CultureInfo.InvariantCulture) },
                "--work" => options with { Work = Path.GetFullPath(value) },
                "--only" => options with { Only = value.Split(',') },
                "--mops" => options with { Mops = Path.GetFullPath(value) },
                _ => throw new ArgumentException($"'{args[i]}' is no option."),
            };
        }

        return options;
    }
}
