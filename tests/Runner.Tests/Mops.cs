using System.Diagnostics;
using System.Text.Json;

namespace MaintenanceOps.Runner.Tests;

/// <summary>Runs the built <c>mops</c> as a process of its own, with an environment that no test machine can leak into.</summary>
internal sealed class Mops
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(40);

    public required string Folder { get; init; }

    public Dictionary<string, string> Environment { get; } = [];

    public static string Path { get; } = Find();

    public Run Run(params string[] arguments)
    {
        using var process = Start(arguments);
        return Finish(process);
    }

    public Process Start(params string[] arguments)
    {
        // A job in the background of a shell is started with Ctrl+C ignored, and so is all that it starts.
        string[] heeding = OperatingSystem.IsLinux() ? ["env", "--default-signal=INT"] : [];
        string[] words = [.. heeding, Path, .. arguments];
        var start = new ProcessStartInfo(words[0], words[1..])
        {
            WorkingDirectory = Folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MAINTENANCEOPS_", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }

        // Scratch folders land where the test can look for what was left.
        start.Environment["TMPDIR"] = System.IO.Path.Combine(Folder, "tmp");
        Directory.CreateDirectory(start.Environment["TMPDIR"]!);
        start.Environment["MAINTENANCEOPS_STATE"] = System.IO.Path.Combine(Folder, "tmp", "state");
        foreach (var (name, value) in Environment)
        {
            start.Environment[name] = value;
        }

        var process = Process.Start(start)!;
        process.StandardInput.Close();
        return process;
    }

    public static Run Finish(Process process)
    {
        var output = process.StandardOutput.ReadToEndAsync();
        var error = process.StandardError.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException($"mops did not end. It wrote: {output.Result}{error.Result}");
        }

        return new Run(process.ExitCode, output.Result, error.Result);
    }

    /// <summary>The runner as built, or another build of it, such as the native one, that the environment names.</summary>
    private static string Find()
    {
        if (System.Environment.GetEnvironmentVariable("MAINTENANCEOPS_TEST_RUNNER") is { Length: > 0 } other)
        {
            return System.IO.Path.GetFullPath(other);
        }

        // artifacts/bin/Runner.Tests/debug -> artifacts/bin/MaintenanceOps.Runner/debug
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var name = OperatingSystem.IsWindows() ? "mops.exe" : "mops";
        var path = System.IO.Path.Combine(here.Parent!.Parent!.FullName, "MaintenanceOps.Runner", here.Name, name);
        return File.Exists(path) ? path : throw new FileNotFoundException("The runner has not been built.", path);
    }
}

internal sealed record Run(int ExitCode, string Output, string Error)
{
    public string[] Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public JsonElement[] Json => [.. Lines.Select(Parse)];

    public JsonElement[] JsonErrors => [.. Error.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];

    public Run Expect(int code)
    {
        Assert.True(code == ExitCode, $"Exit code {ExitCode} instead of {code}.\n{Output}\n{Error}");
        return this;
    }

    private static JsonElement Parse(string line)
    {
        using var document = JsonDocument.Parse(line);
        return document.RootElement.Clone();
    }
}
