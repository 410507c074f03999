using System.Globalization;
using System.Management.Automation;

namespace MaintenanceOps.Commands.Databases;

/// <summary>Takes findings that came out of a job or another machine, and are no longer of their type, as findings again.</summary>
[AttributeUsage(AttributeTargets.Property | AttributeTargets.Field)]
public sealed class DatabaseFindingTransformationAttribute : ArgumentTransformationAttribute
{
    /// <inheritdoc/>
    public override object Transform(EngineIntrinsics engineIntrinsics, object inputData) => inputData switch
    {
        PSObject { BaseObject: not DatabaseFinding } wrapped when wrapped.TypeNames.Contains("Deserialized.MaintenanceOps.DatabaseFinding") => Revive(wrapped),
        object[] many => Array.ConvertAll(many, one => Transform(engineIntrinsics, one)),
        _ => inputData,
    };

    private static DatabaseFinding Revive(PSObject dead)
    {
        string? Text(string name) => dead.Properties[name]?.Value is { } value ? Convert.ToString(value, CultureInfo.InvariantCulture) : null;
        return new DatabaseFinding
        {
            Severity = Enum.Parse<FindingSeverity>(Text("Severity")!),
            Rule = Text("Rule")!,
            Engine = Enum.Parse<DatabaseEngine>(Text("Engine")!),
            Database = Text("Database")!,
            Message = Text("Message")!,
            Object = Text("Object") ?? "",
            Action = Enum.TryParse<OptimizationStep>(Text("Action"), out var action) ? action : null,
            Path = Text("Path"),
            ConnectionString = Text("ConnectionString"),
        };
    }
}
