using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A test of what a user may not do; skipped, with the reason, for root, who may do everything, and on Windows.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class UnprivilegedFactAttribute : FactAttribute
{
    public UnprivilegedFactAttribute() =>
        Skip = OperatingSystem.IsWindows() ? "Windows has other permissions." : Environment.IsPrivilegedProcess ? "Root may read everything." : null;
}
