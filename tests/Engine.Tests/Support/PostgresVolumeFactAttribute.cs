using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A test that needs PostgreSQL's server programs and a volume that can be filled; skipped, with the reason, where one is missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgresVolumeFactAttribute : FactAttribute
{
    public PostgresVolumeFactAttribute() => Skip = new PostgresFactAttribute().Skip ?? FullVolumeTheoryAttribute.WhyNot();
}
