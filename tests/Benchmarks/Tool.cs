using System.Diagnostics;
using System.Globalization;

namespace MaintenanceOps.Benchmarks;

/// <summary>What one run of a whole process cost.</summary>
/// <param name="Seconds">Wall time.</param>
/// <param name="PeakMiB">The largest resident set.</param>
internal readonly record struct Cost(double Seconds, double PeakMiB);

/// <summary>Runs programs and measures them from outside.</summary>
internal static class Tool
{
    private static readonly Dictionary<string, string> Environment = new()
    {
        ["RESTIC_PASSWORD"] = "benchmark",
        ["BORG_PASSPHRASE"] = "benchmark",
        ["BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK"] = "yes",
        ["BORG_RELOCATED_REPO_ACCESS_IS_OK"] = "yes",
    };

    /// <summary>The published runner: the native program, as users get it.</summary>
    public static string Mops(string? given)
    {
        var root = AppContext.BaseDirectory[..AppContext.BaseDirectory.IndexOf("artifacts", StringComparison.Ordinal)];
        var found = given ?? Directory.EnumerateFiles(Path.Combine(root, "artifacts", "publish"), "mops", SearchOption.AllDirectories).FirstOrDefault();
        return found ?? throw new FileNotFoundException("Publish the runner first: dotnet publish src/MaintenanceOps.Runner -c Release -r linux-x64");
    }

    public static bool Has(string program) =>
        (System.Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(p => File.Exists(Path.Combine(p, program)));

    /// <summary>Runs a command on a disk that has nothing left to write from the one before.</summary>
    public static Cost Run(params string[] command)
    {
        using (var sync = Process.Start("sync"))
        {
            sync.WaitForExit();
        }

        var report = Path.GetTempFileName();
        var start = new ProcessStartInfo("/usr/bin/time", ["-f", "%e %M", "-o", report, .. command]) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        var watch = Stopwatch.StartNew();
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        var seconds = watch.Elapsed.TotalSeconds;
        if (process.ExitCode != 0)
        {
            throw new InvalidOperationException($"{string.Join(' ', command)} failed: {error.Result}");
        }

        var peak = double.Parse(File.ReadAllText(report).Trim().Split(' ')[^1], CultureInfo.InvariantCulture) / 1024;
        File.Delete(report);
        return new Cost(seconds, peak);
    }

    public static Cost Shell(string line) => Run("sh", "-c", line);

    public static long SizeOf(string path) => File.Exists(path)
        ? new FileInfo(path).Length
        : Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Sum(f => new FileInfo(f).Length);

    public static void Remove(string path)
    {
        if (Directory.Exists(path))
        {
            Directory.Delete(path, recursive: true);
        }

        File.Delete(path);
    }
}
