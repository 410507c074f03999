using System.Diagnostics;
using System.Reflection;
using System.Text.Json;
using Xunit;

namespace MaintenanceOps.Module.Tests;

/// <summary>Each Pester test of the module, run in a real PowerShell, as a test here.</summary>
public sealed class PesterTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(20);
    private static readonly JsonSerializerOptions Web = new(JsonSerializerDefaults.Web);
    private static readonly Lazy<Dictionary<string, PesterResult>> Results = new(RunAll);

    public static TheoryData<string> Names => [.. Results.Value.Keys];

    /// <summary>A test's name begins with its file. Pester runs when the first one is asked for.</summary>
    [SkippableTheory]
    [MemberData(nameof(Names), DisableDiscoveryEnumeration = true)]
    public void In_PowerShell(string name)
    {
        var result = Results.Value[name];
        Skip.If(result.Outcome == "Skipped", result.Message);
        Assert.True(result.Outcome == "Passed", $"{result.Outcome}: {result.Message}");
    }

    private static Dictionary<string, PesterResult> RunAll()
    {
        var root = Root();
        var manifest = Directory.EnumerateFiles(Path.Combine(root, "out", "MaintenanceOps"), "MaintenanceOps.psd1", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Last();
        var pester = typeof(PesterTests).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Pester").Value!;
        var results = Path.Combine(Directory.CreateTempSubdirectory("mops-pester-").FullName, "results.json");
        try
        {
            var said = Run(
                root,
                PowerShellTool.Install(root),
                ["-NoProfile", "-NonInteractive", "-File", Path.Combine(root, "tests", "Module", "Invoke-ModuleTest.ps1"), "-Manifest", manifest, "-Pester", Path.Combine(pester, "tools", "Pester.psd1"), "-Result", results]);
            return File.Exists(results)
                ? JsonSerializer.Deserialize<PesterResult[]>(File.ReadAllText(results), Web)!.ToDictionary(r => r.Name)
                : throw new InvalidOperationException($"Pester did not come to its end: {said}");
        }
        finally
        {
            Directory.Delete(Path.GetDirectoryName(results)!, recursive: true);
        }
    }

    /// <summary>Runs a program and returns all that it said.</summary>
    internal static string Run(string folder, string program, string[] arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["POWERSHELL_TELEMETRY_OPTOUT"] = "1";

        // What the test host found for itself is not for the programs that it starts.
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("MSBuild", StringComparison.OrdinalIgnoreCase) || k.StartsWith("VSTEST", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }

        // Tests start shells of their own by name.
        start.Environment["PATH"] = $"{Path.GetDirectoryName(Path.GetFullPath(program, folder))}{Path.PathSeparator}{Environment.GetEnvironmentVariable("PATH")}";
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(Patience))
        {
            process.Kill(entireProcessTree: true);
            throw new TimeoutException($"{program} did not end within {Patience.TotalMinutes} minutes.");
        }

        return output.Result + error.Result;
    }

    private static string Root()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "MaintenanceOps.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder;
    }

    private sealed record PesterResult(string Name, string Outcome, string Message);
}
