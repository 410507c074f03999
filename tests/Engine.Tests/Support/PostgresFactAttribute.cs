using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>A test that needs PostgreSQL's server programs; skipped, with the reason, where they are missing.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgresFactAttribute : FactAttribute
{
    public PostgresFactAttribute() => Skip = PostgresCluster.Programs is null ? "PostgreSQL's server programs are not installed." : null;
}
