using Xunit;

namespace MaintenanceOps.Engine.Tests.Support;

/// <summary>As <see cref="PostgresFactAttribute"/>, for several inputs.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class PostgresTheoryAttribute : TheoryAttribute
{
    public PostgresTheoryAttribute() => Skip = PostgresCluster.Programs is null ? "PostgreSQL's server programs are not installed." : null;
}
