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
        var found = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(p => File.Exists(Path.Combine(p, program)));
        var required = (Environment.GetEnvironmentVariable("MAINTENANCEOPS_REQUIRE") ?? "").Split(',').Contains(program);
        if (!found && !required)
        {
            Skip = $"{program} is not installed.";
        }
    }
}
