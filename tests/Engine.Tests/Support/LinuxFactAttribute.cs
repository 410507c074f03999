using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A test of what only Linux has; skipped elsewhere, with the reason.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class LinuxFactAttribute : FactAttribute
{
    public LinuxFactAttribute() => Skip = OperatingSystem.IsLinux() ? null : "Only Linux has it.";
}
