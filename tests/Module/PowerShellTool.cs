using System.Text.Json.Nodes;

namespace MaintenanceOps.Module.Tests;

/// <summary>The PowerShell that <c>.config/dotnet-tools.json</c> pins, restored as a tool of the house.</summary>
internal static class PowerShellTool
{
    /// <summary>Installs it where it is not yet, and returns the program.</summary>
    public static string Install(string root)
    {
        var pinned = JsonNode.Parse(File.ReadAllText(Path.Combine(root, ".config", "dotnet-tools.json")))!;
        var version = (string)pinned["tools"]!["PowerShell"]!["version"]!;
        var folder = Path.Combine(root, "artifacts", "pwsh", version);
        var tool = Path.Combine(folder, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh");
        if (!File.Exists(tool))
        {
            var said = PesterTests.Run(root, "dotnet", ["tool", "install", "PowerShell", "--version", version, "--tool-path", folder]);
            if (!File.Exists(tool))
            {
                throw new InvalidOperationException($"PowerShell {version} cannot be restored: {said}");
            }
        }

        MakeDirect(folder, tool);
        return tool;
    }

    /// <summary>
    /// The tool's own program starts another process and keeps its signals to itself. This one, in its place, becomes PowerShell,
    /// which puts the folder first when it looks for itself.
    /// </summary>
    private static void MakeDirect(string folder, string tool)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        var shell = Directory.EnumerateFiles(folder, "pwsh.dll", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }).Single(f => f.Contains("/unix/", StringComparison.Ordinal));
        File.Delete(tool);
        File.WriteAllText(tool, $"#!/bin/sh\nexec dotnet '{shell}' \"$@\"\n");
        File.SetUnixFileMode(tool, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }
}
