using System.Management.Automation;
using System.Reflection;
using MaintenanceOps.Commands;
using Xunit;

namespace MaintenanceOps.Contract.Tests;

/// <summary>Where things are, and the cmdlets as the compiler left them.</summary>
internal static class House
{
    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<Type> Cmdlets { get; } = [.. typeof(EngineCmdlet).Assembly.GetTypes()
        .Where(t => t.IsDefined(typeof(CmdletAttribute), inherit: false))
        .OrderBy(t => t.Name, StringComparer.Ordinal)];

    public static TheoryData<Type> CmdletData => [.. Cmdlets];

    /// <summary>Verb, noun and SupportsShouldProcess, read from the metadata: the reference assembly's own properties are empty.</summary>
    public static (string Verb, string Noun, bool AsksFirst) Declared(Type cmdlet)
    {
        var data = cmdlet.GetCustomAttributesData().Single(a => a.AttributeType == typeof(CmdletAttribute));
        var asks = data.NamedArguments.FirstOrDefault(a => a.MemberName == nameof(CmdletAttribute.SupportsShouldProcess)).TypedValue.Value is true;
        return ((string)data.ConstructorArguments[0].Value!, (string)data.ConstructorArguments[1].Value!, asks);
    }

    public static string NameOf(Type cmdlet) => $"{Declared(cmdlet).Verb}-{Declared(cmdlet).Noun}";

    public static IEnumerable<PropertyInfo> ParametersOf(Type cmdlet) =>
        cmdlet.GetProperties().Where(p => p.IsDefined(typeof(ParameterAttribute), inherit: true));

    private static string FindRoot()
    {
        var folder = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(folder, "MaintenanceOps.sln")))
        {
            folder = Path.GetDirectoryName(folder) ?? throw new InvalidOperationException("The tests run outside the repository.");
        }

        return folder;
    }
}
