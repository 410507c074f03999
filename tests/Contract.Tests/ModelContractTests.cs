using System.Reflection;
using System.Xml.Linq;
using Xunit;

namespace MaintenanceOps.Contract.Tests;

/// <summary>What users see is documented, and stays free of other people's types.</summary>
public sealed class ModelContractTests
{
    private static Assembly Model { get; } = typeof(ErrorCode).Assembly;

    [Fact]
    public void Every_public_member_of_the_model_is_documented()
    {
        var documented = XDocument.Load(Path.ChangeExtension(Model.Location, ".xml"))
            .Descendants("member")
            .Where(m => m.Elements().Any())
            .Select(m => m.Attribute("name")!.Value.Split('(')[0])
            .ToHashSet(StringComparer.Ordinal);
        var missing = Model.GetExportedTypes()
            .SelectMany(t => t.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly)
                .Where(p => !IsRecordParameter(t, p))
                .Select(p => $"P:{t.FullName}.{p.Name}")
                .Append($"T:{t.FullName}"))
            .Where(name => !documented.Contains(name));
        Assert.Empty(missing);
    }

    [Fact]
    public void The_model_needs_nothing_but_the_framework() => Assert.All(
        Model.GetReferencedAssemblies(),
        a => Assert.StartsWith("System.", a.Name, StringComparison.Ordinal));

    /// <summary>A positional record's parameters are documented with <c>param</c>, at the type.</summary>
    private static bool IsRecordParameter(Type type, PropertyInfo property) =>
        type.GetConstructors().Any(c => c.GetParameters().Any(p => p.Name == property.Name));
}
