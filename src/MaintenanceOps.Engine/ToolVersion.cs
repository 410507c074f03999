using System.Reflection;

namespace MaintenanceOps.Engine;

/// <summary>The name and version of this program, as manifests and the runner show it.</summary>
public static class ToolVersion
{
    /// <summary>The version number, such as <c>0.1.0</c>.</summary>
    public static string Number { get; } = (typeof(ToolVersion).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "0").Split('+')[0];

    /// <summary>The name with the version, such as <c>MaintenanceOps 0.1.0</c>.</summary>
    public static string Text { get; } = $"MaintenanceOps {Number}";
}
