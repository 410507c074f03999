using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>
/// A test that needs another program. Where that is missing it is skipped with the reason, unless
/// <c>MAINTENANCEOPS_REQUIRE</c> names the program: then it runs, and fails.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PeerFactAttribute : FactAttribute
{
    public PeerFactAttribute(string program)
    {
        if (PathOf(program) is null && !IsRequired(program))
        {
            Skip = $"{program} is not installed.";
        }
    }

    /// <summary>Where a program is; null where it is not. Servers lie in folders that the PATH of a user may leave out.</summary>
    public static string? PathOf(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Concat(OperatingSystem.IsWindows() ? [] : ["/usr/local/sbin", "/usr/sbin", "/sbin"])
        .Select(folder => Path.Combine(folder, program))
        .FirstOrDefault(File.Exists);

    private static bool IsRequired(string program) => (Environment.GetEnvironmentVariable("MAINTENANCEOPS_REQUIRE") ?? "").Split(',').Contains(program);
}
