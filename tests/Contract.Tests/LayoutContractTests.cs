using Xunit;

namespace MaintenanceOps.Contract.Tests;

/// <summary>The built module holds what it must, and nothing else.</summary>
public sealed class LayoutContractTests
{
    private static readonly string[] Rids = ["linux-arm64", "linux-x64", "osx-arm64", "osx-x64", "win-arm64", "win-x64"];

    /// <summary>What the build of these tests left.</summary>
    private static string Module { get; } = Directory.EnumerateDirectories(Path.Combine(House.Root, "out", "MaintenanceOps")).Order(StringComparer.Ordinal).Last();

    [Fact]
    public void The_base_folder_holds_manifest_commands_loader_model_views_and_licence()
    {
        Assert.Equal(
            ["LICENSE", "MaintenanceOps.Commands.dll", "MaintenanceOps.Format.ps1xml", "MaintenanceOps.Loader.dll", "MaintenanceOps.Types.ps1xml", "MaintenanceOps.dll", "MaintenanceOps.psd1"],
            Directory.EnumerateFiles(Module).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        Assert.Equal(["en-US", "lib"], Directory.EnumerateDirectories(Module).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_engine_lies_in_lib_with_its_dependencies_and_never_a_second_model()
    {
        var lib = Path.Combine(Module, "lib");
        Assert.True(File.Exists(Path.Combine(lib, "MaintenanceOps.Engine.dll")));
        Assert.True(File.Exists(Path.Combine(lib, "MaintenanceOps.Engine.deps.json")));
        Assert.Empty(Directory.EnumerateFiles(lib, "MaintenanceOps.dll", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(Module, "System.Management.Automation.dll", SearchOption.AllDirectories));
        Assert.Empty(Directory.EnumerateFiles(Module, "*.pdb", SearchOption.AllDirectories));
    }

    [Fact]
    public void Six_platforms_have_their_sqlite()
    {
        var runtimes = Path.Combine(Module, "lib", "runtimes");
        Assert.Equal(Rids, Directory.EnumerateDirectories(runtimes).Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal));
        Assert.All(Rids, rid => Assert.Single(Directory.EnumerateFiles(Path.Combine(runtimes, rid, "native")), f => f.Contains("e_sqlite3", StringComparison.Ordinal)));
    }
}
